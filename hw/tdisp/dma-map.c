/*
 * What the tables of the IOMMU hold for a TDI, for tests
 *
 * The tables are read where the hardware finds them, in memory, so what is
 * found is what is mapped, whatever software believes.  Nothing is translated:
 * the IOTLB is not asked and no fault is reported.  Intel's IOMMU is known, in
 * legacy mode, with its second-stage tables:
 *
 *   root table [bus] -> context table [devfn] -> table of level 3 or 4
 *   ... -> level 1: 4 KiB; or a large page of level 2 (2 MiB) or 3 (1 GiB)
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/cutils.h"
#include "qapi/error.h"
#include "hw/pci/pci.h"
#include "interface.h"

/* Intel VT-d, chapters 9 and 11; where a q35 machine has its registers */
#define VTD_BASE            0xfed90000ull
#define VTD_GSTS            0x1c
#define  VTD_GSTS_TES       BIT(31)     /* translation is on */
#define VTD_RTADDR          0x20
#define  VTD_RTADDR_TTM     (3ull << 10)    /* 0: legacy mode */
#define VTD_PRESENT         BIT_ULL(0)
#define VTD_CONTEXT_TT(lo)  extract64(lo, 2, 2)
#define  VTD_TT_PASS        2
#define VTD_CONTEXT_AW(hi)  extract64(hi, 0, 3)
#define VTD_SL_READ         BIT_ULL(0)
#define VTD_SL_WRITE        BIT_ULL(1)
#define VTD_SL_LARGE        BIT_ULL(7)
#define VTD_ADDRESS         MAKE_64BIT_MASK(12, 40)

#define MAX_RUNS            1024

/* Pages that are neighbours on both sides */
typedef struct DmaRun {
    uint64_t iova;
    uint64_t phys;
    uint64_t size;
    unsigned int perm;      /* VTD_SL_READ, VTD_SL_WRITE */
} DmaRun;

typedef struct DmaWalk {
    uint64_t table;
    int levels;
    DmaRun run;             /* not printed yet; size 0: none */
    unsigned int nr_runs;
    GString *out;
} DmaWalk;

static uint64_t dma_map_read(uint64_t addr)
{
    return address_space_ldq_le(&address_space_memory, addr,
                                MEMTXATTRS_UNSPECIFIED, NULL);
}

static uint64_t dma_map_span(int level)
{
    return 1ull << (12 + 9 * (level - 1));
}

static void dma_map_flush(DmaWalk *w)
{
    const DmaRun *r = &w->run;

    if (!r->size) {
        return;
    }
    g_string_append_printf(w->out, "%s0x%" PRIx64 "+0x%" PRIx64 "=0x%" PRIx64
                           " %s%s", w->out->len ? ", " : "", r->iova, r->size,
                           r->phys, r->perm & VTD_SL_READ ? "r" : "-",
                           r->perm & VTD_SL_WRITE ? "w" : "-");
    w->nr_runs++;
    w->run.size = 0;
}

static void dma_map_add(DmaWalk *w, const DmaRun *page)
{
    DmaRun *r = &w->run;

    if (r->size && r->iova + r->size == page->iova &&
        r->phys + r->size == page->phys && r->perm == page->perm) {
        r->size += page->size;
        return;
    }
    dma_map_flush(w);
    *r = *page;
}

/* Adds what one entry maps from @iova on; returns bytes that it covers. */
static uint64_t dma_map_step(DmaWalk *w, uint64_t iova, uint64_t end)
{
    unsigned int perm = VTD_SL_READ | VTD_SL_WRITE;
    uint64_t table = w->table;

    for (int level = w->levels; ; level--) {
        uint64_t span = dma_map_span(level);
        uint64_t entry = dma_map_read(table +
                                      (iova / span % 512) * sizeof(entry));
        uint64_t left = MIN(span - iova % span, end - iova);

        perm &= entry;
        if (!perm) {
            return left;
        }
        if (level == 1 || (level < 4 && entry & VTD_SL_LARGE)) {
            DmaRun page = {
                .iova = iova,
                .phys = (entry & VTD_ADDRESS & ~(span - 1)) + iova % span,
                .size = left,
                .perm = perm,
            };

            dma_map_add(w, &page);
            return left;
        }
        table = entry & VTD_ADDRESS;
    }
}

/*
 * Returns false if there are no tables to walk; @out says then what holds for
 * all addresses.
 */
static bool dma_map_find(PCIDevice *dev, DmaWalk *w, Error **errp)
{
    uint64_t root, context, lo, hi;

    if (!object_resolve_path_type("", "intel-iommu", NULL)) {
        error_setg(errp, "there is no intel-iommu");
        return false;
    }
    root = dma_map_read(VTD_BASE + VTD_RTADDR);
    if (!(address_space_ldl_le(&address_space_memory, VTD_BASE + VTD_GSTS,
                               MEMTXATTRS_UNSPECIFIED, NULL) & VTD_GSTS_TES)) {
        g_string_append(w->out, "off");
        return false;
    }
    if (root & VTD_RTADDR_TTM) {
        error_setg(errp, "the IOMMU is not in legacy mode");
        return false;
    }
    context = dma_map_read((root & VTD_ADDRESS) + pci_dev_bus_num(dev) * 16);
    if (!(context & VTD_PRESENT)) {
        return false;
    }
    lo = dma_map_read((context & VTD_ADDRESS) + dev->devfn * 16);
    hi = dma_map_read((context & VTD_ADDRESS) + dev->devfn * 16 + 8);
    if (!(lo & VTD_PRESENT)) {
        return false;
    }
    if (VTD_CONTEXT_TT(lo) == VTD_TT_PASS) {
        g_string_append(w->out, "pass-through");
        return false;
    }
    w->levels = VTD_CONTEXT_AW(hi) + 2;
    if (w->levels < 3 || w->levels > 4) {
        error_setg(errp, "tables of %d levels are not known", w->levels);
        return false;
    }
    w->table = lo & VTD_ADDRESS;
    return true;
}

char *tdisp_dma_map(TdispInterface *t, Error **errp)
{
    g_autoptr(GString) out = g_string_new(NULL);
    DmaWalk w = { .out = out };
    uint64_t iova = t->map_first;
    uint64_t end = iova + t->map_size;
    Error *err = NULL;

    if (!t->dev) {
        error_setg(errp, "the device is gone");
        return NULL;
    }
    if (dma_map_find(t->dev, &w, &err)) {
        end = MIN(end, dma_map_span(w.levels + 1));
        while (iova < end && w.nr_runs < MAX_RUNS) {
            iova += dma_map_step(&w, iova, end);
        }
        dma_map_flush(&w);
        if (w.nr_runs >= MAX_RUNS) {
            g_string_append(out, ", ...");
        }
    }
    if (err) {
        error_propagate(errp, err);
        return NULL;
    }
    return g_string_free(g_steal_pointer(&out), false);
}

bool tdisp_dma_map_set_range(TdispInterface *t, const char *range, Error **errp)
{
    uint64_t first, size;
    const char *end;

    if (qemu_strtou64(range, &end, 0, &first) || *end != '+' ||
        qemu_strtou64(end + 1, NULL, 0, &size) || !size ||
        first + size - 1 < first || first + size == 0 ||
        (first | size) & (TDISP_PAGE_SIZE - 1)) {
        error_setg(errp, "'%s' is not START+SIZE, in whole pages", range);
        return false;
    }
    t->map_first = first;
    t->map_size = size;
    return true;
}
