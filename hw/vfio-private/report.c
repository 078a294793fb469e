/*
 * The TDISP interface report, as far as the VMM needs it
 *
 * QEMU looks at the report for its own decisions only: which pages it lets the
 * guest turn private.  Whether the device is to be trusted is for the guest to
 * tell, from the same bytes, which it gets unchanged.  A report that makes no
 * sense costs the guest its private MMIO, and never widens anything.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/tdisp/tdisp.h"
#include "report.h"

#define PAGE_BYTES (1ULL << TDISP_REPORT_PAGE_SHIFT)

/* Between two ranges: where the next one of the BAR has to begin. */
typedef struct TDIReportCursor {
    unsigned int bar;
    bool open;
    uint64_t base;      /* page number of the first range */
    uint64_t offset;    /* bytes of the BAR covered so far */
    unsigned int seen;  /* bit mask of BARs */
} TDIReportCursor;

static const char *tdi_report_close_bar(const TDIReportCursor *cursor,
                                        const uint64_t *bar_sizes)
{
    if (cursor->open && cursor->offset != bar_sizes[cursor->bar]) {
        return "the ranges of a BAR do not make up all of it";
    }
    return NULL;
}

static const char *tdi_report_range(TDIReportCursor *cursor,
                                    const uint8_t *data,
                                    const uint64_t *bar_sizes, GArray *parts)
{
    const TdispReportRange *range = (const TdispReportRange *)data;
    uint64_t page = le64_to_cpu(range->first_page);
    uint64_t size = le32_to_cpu(range->pages) * PAGE_BYTES;
    uint16_t attributes = le16_to_cpu(range->attributes);
    unsigned int bar = le16_to_cpu(range->range_id);
    const char *reason = NULL;
    TDIReportPart part;

    if (bar >= TDI_REPORT_NR_BARS || !bar_sizes[bar]) {
        return "a range is of a BAR that the device does not have";
    }
    if (!cursor->open || bar != cursor->bar) {
        reason = tdi_report_close_bar(cursor, bar_sizes);
        if (!reason && (cursor->seen & (1u << bar))) {
            reason = "the ranges are not in the order of BARs";
        }
        *cursor = (TDIReportCursor) {
            .bar = bar,
            .open = true,
            .base = page,
            .seen = cursor->seen | (1u << bar),
        };
    }
    if (!reason && page - cursor->base != cursor->offset / PAGE_BYTES) {
        reason = "the ranges of a BAR overlap or have holes";
    }
    if (!reason && (!size || size > bar_sizes[bar] - cursor->offset)) {
        reason = "a range does not fit into its BAR";
    }
    if (reason) {
        return reason;
    }

    part = (TDIReportPart) {
        .bar = bar,
        .offset = cursor->offset,
        .size = size,
        .tee = !(attributes & (TDISP_RANGE_NON_TEE | TDISP_RANGE_MSIX_TABLE |
                               TDISP_RANGE_MSIX_PBA)),
    };
    g_array_append_val(parts, part);
    cursor->offset += size;
    return NULL;
}

static const char *tdi_report_size(const uint8_t *data, size_t size,
                                   uint32_t *count)
{
    const TdispReport *head = (const TdispReport *)data;
    size_t need = sizeof(*head) + sizeof(uint32_t);

    if (size < need || size > TDI_REPORT_MAX_SIZE) {
        return "it is too short or too long";
    }
    *count = le32_to_cpu(head->mmio_range_count);
    if (!*count) {
        return "it has no MMIO ranges";
    }
    if (*count > (size - need) / sizeof(TdispReportRange)) {
        return "it has fewer ranges than it says";
    }
    need += *count * sizeof(TdispReportRange);
    /* The device information comes last and is opaque. */
    if (ldl_le_p(data + need - sizeof(uint32_t)) != size - need) {
        return "its length is not what it says";
    }
    return NULL;
}

GArray *tdi_report_parse(const uint8_t *data, size_t size,
                         const uint64_t bar_sizes[TDI_REPORT_NR_BARS],
                         const char **reason)
{
    g_autoptr(GArray) parts = g_array_new(false, false, sizeof(TDIReportPart));
    TDIReportCursor cursor = {};
    uint32_t i, count = 0;

    *reason = tdi_report_size(data, size, &count);
    for (i = 0; i < count && !*reason; i++) {
        *reason = tdi_report_range(&cursor, data + sizeof(TdispReport) +
                                   i * sizeof(TdispReportRange),
                                   bar_sizes, parts);
    }
    if (!*reason) {
        *reason = tdi_report_close_bar(&cursor, bar_sizes);
    }
    return *reason ? NULL : g_steal_pointer(&parts);
}

bool tdi_report_allows(const GArray *parts, unsigned int bar, uint64_t offset,
                       uint64_t size)
{
    uint64_t last = offset + size - 1;
    unsigned int i;

    /* The parts of a BAR are ascending and without holes. */
    for (i = 0; parts && i < parts->len; i++) {
        const TDIReportPart *part = &g_array_index(parts, TDIReportPart, i);
        uint64_t part_last = part->offset + part->size - 1;

        if (part->bar != bar || offset < part->offset || offset > part_last) {
            continue;
        }
        if (!part->tee) {
            return false;
        }
        if (last <= part_last) {
            return true;
        }
        offset = part_last + 1;
    }
    return false;
}
