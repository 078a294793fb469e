/*
 * tdi-host-check: can the BARs be given away as file descriptors?
 *
 * The cutting is done by the code that QEMU uses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/linux/pci_regs.h"
#include "hw/vfio-private/slices.h"
#include "tdi-host-check.h"

typedef struct HostMSIX {
    VFIOPrivateRange table;
    VFIOPrivateRange pba;
    int table_bar;
    int pba_bar;
} HostMSIX;

static HostMSIX host_msix(const PCIFacts *facts)
{
    HostMSIX msix = { .table_bar = -1, .pba_bar = -1 };
    uint32_t table = host_pci_long(facts, facts->msix + PCI_MSIX_TABLE);
    uint32_t pba = host_pci_long(facts, facts->msix + PCI_MSIX_PBA);
    unsigned int entries = (host_pci_word(facts, facts->msix + PCI_MSIX_FLAGS) &
                            PCI_MSIX_FLAGS_QSIZE) + 1;

    if (facts->msix) {
        msix.table_bar = table & PCI_MSIX_TABLE_BIR;
        msix.table.offset = table & PCI_MSIX_TABLE_OFFSET;
        msix.table.size = entries * PCI_MSIX_ENTRY_SIZE;
        msix.pba_bar = pba & PCI_MSIX_PBA_BIR;
        msix.pba.offset = pba & PCI_MSIX_PBA_OFFSET;
        msix.pba.size = QEMU_ALIGN_UP(entries, 64) / 8;
    }
    return msix;
}

/* Why QEMU would refuse the BAR; NULL if it would not. */
static const char *host_bar_refusal(const PCIFacts *facts, int nr)
{
    uint64_t page = qemu_real_host_page_size();

    if (facts->bar_flags[nr] & HOST_BAR_UNSET || !facts->bar_start[nr]) {
        return "it has no address";
    }
    if (facts->bar_size[nr] < page) {
        return "it is smaller than a page";
    }
    if (facts->bar_size[nr] & (page - 1)) {
        return "its size is not a multiple of the page size";
    }
    if (facts->bar_start[nr] & (page - 1)) {
        return "it does not begin at a page";
    }
    return NULL;
}

/*
 * Registers that share a page with the MSI-X table or PBA cannot be reached by
 * the guest.  Nothing says whether there are any; they are likely where a page
 * does not begin with one of the two.
 */
static bool host_cut_shares_page(const VFIOPrivateRange *cut,
                                 const VFIOPrivateRange *other)
{
    uint64_t size = qemu_real_host_page_size();
    uint64_t page = QEMU_ALIGN_DOWN(cut->offset, size);

    if (!cut->size || cut->offset == page) {
        return false;
    }
    return !other->size || other->offset > page ||
           other->offset + other->size <= page;
}

static char *host_bar_cuts(const VFIOPrivateRange *slices, int nr_slices,
                           uint64_t bar_size)
{
    GString *text = g_string_new("");
    uint64_t pos = 0;
    int i;

    for (i = 0; i <= nr_slices; i++) {
        uint64_t end = i < nr_slices ? slices[i].offset : bar_size;

        if (pos < end) {
            g_string_append_printf(text, "%s0x%" PRIx64 "-0x%" PRIx64,
                                   text->len ? ", " : "", pos, end - 1);
        }
        pos = i < nr_slices ? slices[i].offset + slices[i].size : bar_size;
    }
    return g_string_free(text, false);
}

static void host_check_bar(HostCheck *hc, const PCIFacts *facts,
                           const HostMSIX *msix, int nr)
{
    VFIOPrivateRange slices[VFIO_PRIVATE_MAX_SLICES], cuts[2] = {};
    uint64_t size = facts->bar_size[nr];
    const char *refusal = host_bar_refusal(facts, nr);
    g_autofree char *cut = NULL;
    int nr_slices;

    if (refusal) {
        host_add(hc, "bar", true, HOST_FAIL,
                 g_strdup("this device works with private=off only"),
                 "BAR %d, 0x%" PRIx64 " bytes: %s", nr, size, refusal);
        return;
    }
    if (msix->table_bar == nr) {
        cuts[0] = msix->table;
    }
    if (msix->pba_bar == nr) {
        cuts[1] = msix->pba;
    }
    nr_slices = vfio_private_slice_bar(size, qemu_real_host_page_size(), cuts,
                                       ARRAY_SIZE(cuts), slices);
    cut = host_bar_cuts(slices, nr_slices, size);

    if (host_cut_shares_page(&cuts[0], &cuts[1]) ||
        host_cut_shares_page(&cuts[1], &cuts[0])) {
        host_add(hc, "bar", true, HOST_WARN,
                 g_strdup("if the driver in the guest misses registers, this "
                          "device works with private=off only"),
                 "BAR %d, 0x%" PRIx64 " bytes: %s is emulated for MSI-X, which "
                 "does not begin at a page", nr, size, cut);
    } else if (*cut) {
        host_add(hc, "bar", true, HOST_PASS, NULL,
                 "BAR %d, 0x%" PRIx64 " bytes: %d slice%s, %s is emulated for "
                 "MSI-X", nr, size, nr_slices, nr_slices == 1 ? "" : "s", cut);
    } else {
        host_add(hc, "bar", true, HOST_PASS, NULL,
                 "BAR %d, 0x%" PRIx64 " bytes: one slice", nr, size);
    }
}

void host_check_bars(HostCheck *hc, const PCIFacts *facts)
{
    HostMSIX msix = host_msix(facts);
    int i, found = 0;

    if (!host_pci_whole(facts)) {
        host_add(hc, "bar", true, HOST_WARN, g_strdup("run this as root"),
                 "not checked: the MSI-X capability cannot be read");
        return;
    }
    for (i = 0; i < HOST_CHECK_BARS; i++) {
        if (facts->bar_flags[i] & HOST_BAR_MEM) {
            host_check_bar(hc, facts, &msix, i);
            found++;
        }
    }
    if (!found) {
        host_add(hc, "bar", true, HOST_FAIL, g_strdup("use another device"),
                 "the device has no memory BAR");
    }
}
