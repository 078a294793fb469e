/*
 * Cutting a BAR into page-aligned slices around MSI-X
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_SLICES_H
#define HW_VFIO_PRIVATE_SLICES_H

/* The MSI-X table and the PBA leave at most three slices of a BAR. */
#define VFIO_PRIVATE_MAX_SLICES 3

/**
 * struct VFIOPrivateRange - bytes inside one BAR
 * @offset: first byte
 * @size: number of bytes; 0: nothing
 */
typedef struct VFIOPrivateRange {
    uint64_t offset;
    uint64_t size;
} VFIOPrivateRange;

/**
 * vfio_private_slice_bar: what is left of a BAR without some of its pages
 * @bar_size: bytes, a multiple of @page_size
 * @page_size: bytes, a power of two
 * @cuts: ranges that QEMU emulates, in any order; they may overlap and may
 *     reach beyond the BAR.  Every page that one touches is cut out.
 * @nr_cuts: entries in @cuts, at most VFIO_PRIVATE_MAX_SLICES - 1
 * @slices: out, ascending, page aligned, VFIO_PRIVATE_MAX_SLICES entries
 *
 * Returns: the number of slices; 0 if every page is cut out.
 */
int vfio_private_slice_bar(uint64_t bar_size, uint64_t page_size,
                           const VFIOPrivateRange *cuts, int nr_cuts,
                           VFIOPrivateRange *slices);

#endif /* HW_VFIO_PRIVATE_SLICES_H */
