/*
 * What an IOAS can do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_IOAS_H
#define HW_VFIO_PRIVATE_IOAS_H

#include "hw/vfio/vfio-iommufd.h"

/**
 * vfio_private_ioas_cuts: can parts of a mapping be unmapped?
 * @container: the container
 *
 * If the kernel can do it, the IOAS is made so, by IOMMU_OPTION_HUGE_PAGES, if it
 * is not yet; that takes one that maps nothing.  All mappings of such an IOAS
 * have IOPTEs of the page size.
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

#endif /* HW_VFIO_PRIVATE_IOAS_H */
