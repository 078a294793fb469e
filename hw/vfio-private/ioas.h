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

#endif /* HW_VFIO_PRIVATE_IOAS_H */
