/*
 * How a BAR divides into TDISP ranges, and the interface report of them
 *
 *   0        table            PBA                size
 *   |---------|=====|----------|===|--------------|
 *    TEE       MSI-X  TEE       MSI-X  TEE
 *
 * The MSI-X pages are reported, as TEE memory and with their attribute, only
 * if LOCK_INTERFACE locked MSI-X.  Otherwise the host keeps programming the
 * table, so they are reported as NON_TEE and stay open.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "interface.h"

typedef struct TdispCut {
    uint64_t offset;
    uint64_t size;
    uint16_t attributes;
} TdispCut;

static unsigned int tdisp_add_cut(TdispCut *cuts, unsigned int nr,
                                  uint64_t offset, uint64_t size,
                                  uint16_t attributes)
{
    uint64_t end = QEMU_ALIGN_UP(offset + size, TDISP_PAGE_SIZE);
    unsigned int i;

    offset = QEMU_ALIGN_DOWN(offset, TDISP_PAGE_SIZE);
    for (i = nr; i > 0 && cuts[i - 1].offset > offset; i--) {
        cuts[i] = cuts[i - 1];
    }
    cuts[i] = (TdispCut) { offset, end - offset, attributes };
    return nr + 1;
}

static unsigned int tdisp_add_msix_cuts(PCIDevice *dev, int bar,
                                        TdispCut *cuts, unsigned int nr)
{
    uint8_t *cap = dev->config + dev->msix_cap;
    uint32_t table, pba;

    if (!msix_present(dev)) {
        return nr;
    }
    table = pci_get_long(cap + PCI_MSIX_TABLE);
    pba = pci_get_long(cap + PCI_MSIX_PBA);
    if ((table & PCI_MSIX_FLAGS_BIRMASK) == bar) {
        nr = tdisp_add_cut(cuts, nr, table & ~PCI_MSIX_FLAGS_BIRMASK,
                           dev->msix_entries_nr * PCI_MSIX_ENTRY_SIZE,
                           TDISP_RANGE_MSIX_TABLE);
    }
    if ((pba & PCI_MSIX_FLAGS_BIRMASK) == bar) {
        nr = tdisp_add_cut(cuts, nr, pba & ~PCI_MSIX_FLAGS_BIRMASK,
                           QEMU_ALIGN_UP(dev->msix_entries_nr, 64) / 8,
                           TDISP_RANGE_MSIX_PBA);
    }
    return nr;
}

static void tdisp_add_range(TdispInterface *t, int bar, uint64_t start,
                            uint64_t end, uint16_t attributes)
{
    TdispBar *b = &t->bars[bar];

    if (start < end) {
        b->ranges[b->nr_ranges++] = (TdispRange) {
            .tdi = t,
            .bar = bar,
            .attributes = attributes,
            .offset = start,
            .size = end - start,
        };
    }
}

bool tdisp_ranges_init(TdispInterface *t, int bar, Error **errp)
{
    uint64_t size = t->dev->io_regions[bar].size;
    TdispCut cuts[TDISP_MAX_CUTS];
    unsigned int nr = 0;
    uint64_t pos = 0;

    if (size < TDISP_PAGE_SIZE) {
        error_setg(errp, "%s: BAR %d of 0x%" PRIx64 " bytes is too small for "
                   "a TDI", t->dev->name, bar, size);
        return false;
    }
    nr = tdisp_add_msix_cuts(t->dev, bar, cuts, nr);
    for (unsigned int i = 0; i < t->desc->nr_non_tee; i++) {
        const TdispNonTee *n = &t->desc->non_tee[i];

        if (n->bar == bar) {
            assert(nr < TDISP_MAX_CUTS);
            nr = tdisp_add_cut(cuts, nr, n->offset, n->size,
                               TDISP_RANGE_NON_TEE);
        }
    }

    for (unsigned int i = 0; i < nr; i++) {
        if (cuts[i].offset < pos) {
            error_setg(errp, "%s: the MSI-X table, the PBA or an open range "
                       "share the page at 0x%" PRIx64 " of BAR %d",
                       t->dev->name, cuts[i].offset, bar);
            return false;
        }
        tdisp_add_range(t, bar, pos, cuts[i].offset, 0);
        pos = cuts[i].offset + cuts[i].size;
        tdisp_add_range(t, bar, cuts[i].offset, pos, cuts[i].attributes);
    }
    tdisp_add_range(t, bar, pos, size, 0);
    return true;
}

uint16_t tdisp_range_attributes(const TdispRange *range, uint16_t lock_flags)
{
    const uint16_t msix = TDISP_RANGE_MSIX_TABLE | TDISP_RANGE_MSIX_PBA;

    if ((range->attributes & msix) && !(lock_flags & TDISP_LOCK_MSIX)) {
        return TDISP_RANGE_NON_TEE;
    }
    return range->attributes;
}

static void tdisp_report_range(GByteArray *report, const TdispRange *range,
                               const TdispLock *lock)
{
    uint64_t addr = tdisp_bar_address(range->tdi->dev, range->bar) +
                    range->offset + lock->reporting_offset;
    TdispReportRange out = {
        .first_page = cpu_to_le64(addr >> TDISP_REPORT_PAGE_SHIFT),
        .pages = cpu_to_le32(range->size >> TDISP_REPORT_PAGE_SHIFT),
        .attributes = cpu_to_le16(tdisp_range_attributes(range, lock->flags)),
        .range_id = cpu_to_le16(range->bar),
    };

    g_byte_array_append(report, (uint8_t *)&out, sizeof(out));
}

GByteArray *tdisp_report_build(TdispInterface *t, const TdispLock *lock)
{
    PCIDevice *dev = t->dev;
    GByteArray *report = g_byte_array_new();
    const char *info = t->desc->info ?: "";
    uint16_t interface_info = TDISP_INFO_DMA_WITHOUT_PASID;
    uint32_t info_len = cpu_to_le32(strlen(info));
    TdispReport head = { };
    uint32_t count = 0;

    if (lock->flags & TDISP_LOCK_NO_FW_UPDATE) {
        interface_info |= TDISP_INFO_NO_FW_UPDATE;
    }
    if ((lock->flags & TDISP_LOCK_MSIX) && msix_present(dev)) {
        uint8_t *flags = dev->config + dev->msix_cap + PCI_MSIX_FLAGS;

        head.msix_message_control = cpu_to_le16(pci_get_word(flags));
    }
    for (int i = 0; i < TDISP_NR_BARS; i++) {
        count += t->bars[i].nr_ranges;
    }
    head.interface_info = cpu_to_le16(interface_info);
    head.mmio_range_count = cpu_to_le32(count);

    g_byte_array_append(report, (uint8_t *)&head, sizeof(head));
    for (int i = 0; i < TDISP_NR_BARS; i++) {
        for (unsigned int n = 0; n < t->bars[i].nr_ranges; n++) {
            tdisp_report_range(report, &t->bars[i].ranges[n], lock);
        }
    }
    g_byte_array_append(report, (uint8_t *)&info_len, sizeof(info_len));
    g_byte_array_append(report, (const uint8_t *)info, strlen(info));
    return report;
}
