/*
 * Cutting a BAR into page-aligned slices around MSI-X
 *
 *      0      table          pba               size
 *      |--------|==|----------|=|---------------|
 *       slice 0      slice 1        slice 2
 *
 * A dma-buf never covers a cut page, so neither the guest nor a peer device
 * can reach the real MSI-X table.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "slices.h"

/* First and one-past-last byte of the pages that a cut touches. */
static void vfio_private_cut_pages(const VFIOPrivateRange *cut,
                                   uint64_t bar_size, uint64_t page_size,
                                   uint64_t *start, uint64_t *end)
{
    uint64_t offset = MIN(cut->offset, bar_size);

    *start = QEMU_ALIGN_DOWN(offset, page_size);
    *end = *start;
    if (cut->size) {
        /* Written so that a size near 2^64 does not wrap. */
        *end = offset + MIN(cut->size, bar_size - offset);
        *end = QEMU_ALIGN_UP(*end, page_size);
    }
}

int vfio_private_slice_bar(uint64_t bar_size, uint64_t page_size,
                           const VFIOPrivateRange *cuts, int nr_cuts,
                           VFIOPrivateRange *slices)
{
    uint64_t pos = 0;
    int nr = 0;

    assert(nr_cuts < VFIO_PRIVATE_MAX_SLICES);

    while (pos < bar_size) {
        uint64_t next_start = bar_size, next_end = bar_size;
        int i;

        /* The first cut that ends beyond @pos. */
        for (i = 0; i < nr_cuts; i++) {
            uint64_t start, end;

            vfio_private_cut_pages(&cuts[i], bar_size, page_size,
                                   &start, &end);
            if (start < end && end > pos && start < next_start) {
                next_start = start;
                next_end = end;
            }
        }
        if (next_start > pos) {
            slices[nr].offset = pos;
            slices[nr].size = next_start - pos;
            nr++;
        }
        pos = next_end;
    }
    return nr;
}
