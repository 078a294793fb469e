/*
 * The TDISP interface report, as far as the VMM needs it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_REPORT_H
#define HW_VFIO_PRIVATE_REPORT_H

/* A report is transferred with 16-bit offsets. */
#define TDI_REPORT_MAX_SIZE     0xffff
#define TDI_REPORT_NR_BARS      6

/**
 * struct TDIReportPart - one MMIO range of a report
 * @bar: BAR number
 * @offset: bytes inside the BAR
 * @size: bytes
 * @tee: TEE memory, to be private; else it must stay shared
 */
typedef struct TDIReportPart {
    unsigned int bar;
    uint64_t offset;
    uint64_t size;
    bool tee;
} TDIReportPart;

/**
 * tdi_report_parse: the MMIO ranges of a report
 * @data: the report, from the device: anything may be in it
 * @size: bytes
 * @bar_sizes: bytes, 0 for a BAR that is not there or is no memory BAR
 *
 * The addresses in a report are moved by an offset that only the TSM knows, so
 * a range is placed relative to the first one of its BAR.  That is unambiguous
 * only if the ranges of the BAR make up all of it, in ascending order and
 * without holes or overlap; anything else is refused.  So is a report with no
 * MMIO range, one that is cut short, and one that has bytes to spare.
 *
 * An MSI-X table or PBA that was locked is TEE memory to the device but must
 * not become private here, since QEMU emulates those pages: they count as not
 * @tee.
 *
 * Returns: array of TDIReportPart, or NULL with @reason set to a constant text.
 */
GArray *tdi_report_parse(const uint8_t *data, size_t size,
                         const uint64_t bar_sizes[TDI_REPORT_NR_BARS],
                         const char **reason);

/**
 * tdi_report_allows: may all of a piece of a BAR be private?
 * @parts: from tdi_report_parse(), NULL allows nothing
 * @bar: BAR number
 * @offset: bytes inside the BAR
 * @size: bytes, not 0
 */
bool tdi_report_allows(const GArray *parts, unsigned int bar, uint64_t offset,
                       uint64_t size);

#endif /* HW_VFIO_PRIVATE_REPORT_H */
