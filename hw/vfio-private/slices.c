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
            /* Written so that a size near 2^64 does not wrap. */
            uint64_t offset = MIN(cuts[i].offset, bar_size);
            uint64_t size = MIN(cuts[i].size, bar_size - offset);
            uint64_t start = QEMU_ALIGN_DOWN(offset, page_size);
            uint64_t end = QEMU_ALIGN_UP(offset + size, page_size);

            if (size && end > pos && start < next_start) {
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
