/*
 * The BARs of a device as device-fd regions, and memory in an IOAS
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_MMIO_H
#define HW_VFIO_PRIVATE_MMIO_H

#include "hw/vfio/vfio-device.h"
#include "hw/vfio/vfio-iommufd.h"
#include "hw/vfio/vfio-region.h"
#include "system/device-fd-region.h"
#include "slices.h"

/**
 * struct VFIOPrivateSlice - page-aligned range of a BAR and its dma-buf
 *
 * @region: the range as a MemoryRegion; owns nothing
 * @bar: the BAR's VFIORegion
 * @range: where in the BAR
 * @fd: dma-buf of exactly @range; ours
 */
typedef struct VFIOPrivateSlice {
    DeviceFdRegion region;
    VFIORegion *bar;
    VFIOPrivateRange range;
    int fd;
} VFIOPrivateSlice;

/**
 * vfio_private_slice_new: export a range of a BAR
 * @bar: the BAR
 * @range: where in the BAR, page aligned
 * @errp: set on failure
 *
 * The dma-buf comes to life revoked if memory decode is off, and is usable
 * once decode is on.
 *
 * Returns: the slice, to be freed by vfio_private_slice_free(), or NULL.
 */
VFIOPrivateSlice *vfio_private_slice_new(VFIORegion *bar,
                                         const VFIOPrivateRange *range,
                                         Error **errp);

/**
 * vfio_private_slice_map: put a slice into its BAR
 * @slice: the slice
 * @owner: the device object
 * @convertible: whether the guest may turn the slice private
 */
void vfio_private_slice_map(VFIOPrivateSlice *slice, Object *owner,
                            bool convertible);

/* vfio_private_slice_unmap: take a slice out of its BAR; idempotent. */
void vfio_private_slice_unmap(VFIOPrivateSlice *slice);

/* vfio_private_slice_free: close the dma-buf; the MemoryRegion is gone. */
void vfio_private_slice_free(VFIOPrivateSlice *slice);

/* vfio_private_dma_mapped: is a part of it mapped for DMA of other devices? */
bool vfio_private_dma_mapped(const DeviceFdRegion *region);

/**
 * vfio_private_keep_ram_apart: let guest RAM keep its DMA mappings
 *
 * Where guest RAM has a discard manager, VFIO maps each page by an ioctl of its
 * own, so that each can be unmapped when it turns private.  If firmware then
 * switches the ranges below 1 MiB between ROM and RAM, all of RAM would be
 * unmapped and mapped again, time and again, as it merges with them.
 *
 * Call it before the device listens.  It lasts: other devices gain as well.
 *
 * Context: BQL.
 */
void vfio_private_keep_ram_apart(void);

/**
 * vfio_private_ioas_cuts: can parts of a mapping be unmapped?
 * @container: the container
 *
 * If the kernel can do it, the IOAS is made so, by IOMMU_OPTION_HUGE_PAGES, if
 * it is not yet; that takes one that maps nothing.  All mappings of such an
 * IOAS have IOPTEs of the page size.
 *
 * Returns: false also if that cannot be found out.
 */
bool vfio_private_ioas_cuts(VFIOIOMMUFDContainer *container);

/**
 * vfio_private_ioas_unmap: unmap a range, and say if there was nothing to unmap
 * @container: the container
 * @iova: page aligned
 * @size: bytes, page aligned, not 0
 *
 * To QEMU's wrapper that is a success.  It is no less what the kernel says of a
 * part of a mapping that it cannot cut, e.g. as another device has an access.
 *
 * Returns: 0, or -errno
 */
int vfio_private_ioas_unmap(VFIOIOMMUFDContainer *container, uint64_t iova,
                            uint64_t size);

/**
 * vfio_private_ioas_has_private: can private memory be mapped?
 * @container: the first time, one in which nothing is
 */
bool vfio_private_ioas_has_private(VFIOIOMMUFDContainer *container);

/* vfio_private_ioas_unmap_private: the undo of mapping a guest_memfd there */
int vfio_private_ioas_unmap_private(VFIOIOMMUFDContainer *container,
                                    uint64_t iova, uint64_t size);

/**
 * vfio_private_dma_supported: can DMA of TDIs reach the guest's private memory?
 * @bcontainer: their container
 *
 * Does not change while the VM runs.
 */
bool vfio_private_dma_supported(VFIOContainer *bcontainer);

/**
 * vfio_private_dma_populate: let some of what is private have its memory
 * @bcontainer: the container
 * @iova: where to go on; in: 0 to begin with
 *
 * A step takes little enough time to have the BQL for it.  With
 * private_ram_keep_populated(), what turns private meanwhile has it as well; of
 * what appears vfio_private_dma_appeared() tells.
 *
 * Context: BQL.
 * Returns: 0: that was all; 1: there is more; -errno: no memory, or a part of
 *     RAM could not be mapped.
 */
int vfio_private_dma_populate(VFIOContainer *bcontainer, uint64_t *iova);

/**
 * vfio_private_dma_appeared: RAM has appeared, of which a part may be private
 * @bcontainer: the container that has it now
 * @iova, @size: where
 *
 * Has those TDIs of the container populate it that have DMA to private memory,
 * or are about to.
 *
 * Context: BQL.  In a memory transaction.
 */
void vfio_private_dma_appeared(VFIOContainer *bcontainer, uint64_t iova,
                               uint64_t size);

#endif /* HW_VFIO_PRIVATE_MMIO_H */
