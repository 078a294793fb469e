/*
 * KVM: what private device assignment needs of the accelerator
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef ACCEL_KVM_PRIVATE_MMIO_H
#define ACCEL_KVM_PRIVATE_MMIO_H

/* kvm_private_mmio_has_slots: can KVM make memslots from VFIO dma-bufs? */
bool kvm_private_mmio_has_slots(void);

/* kvm_private_mmio_can_convert: does this VM have private memory? */
bool kvm_private_mmio_can_convert(void);

#endif /* ACCEL_KVM_PRIVATE_MMIO_H */
