/*
 * KVM: what private device assignment needs of the accelerator
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef ACCEL_KVM_PRIVATE_MMIO_H
#define ACCEL_KVM_PRIVATE_MMIO_H

#include "system/device-fd-region.h"

/* kvm_private_mmio_has_slots: can KVM make memslots from VFIO dma-bufs? */
bool kvm_private_mmio_has_slots(void);

/* kvm_private_mmio_can_convert: does this VM have private memory? */
bool kvm_private_mmio_can_convert(void);

/**
 * kvm_private_mmio_share: turn a region shared, wherever it is in the guest
 * @region: the region
 *
 * On behalf of the host, so the region's guard is not asked.
 *
 * Context: BQL.
 * Returns: 0, or -errno if a part stays private.
 */
int kvm_private_mmio_share(DeviceFdRegion *region);

#endif /* ACCEL_KVM_PRIVATE_MMIO_H */
