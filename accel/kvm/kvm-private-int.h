/*
 * KVM: what memslots and conversion of device-fd regions share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef ACCEL_KVM_PRIVATE_INT_H
#define ACCEL_KVM_PRIVATE_INT_H

#include "exec/hwaddr.h"
#include "system/device-fd-region.h"

/**
 * struct KVMDeviceFdPlace - where a piece of a region is in the guest
 *
 * @region: the region
 * @gpa: guest physical address
 * @offset: bytes inside the region, of what is at @gpa
 */
typedef struct KVMDeviceFdPlace {
    DeviceFdRegion *region;
    hwaddr gpa;
    uint64_t offset;
} KVMDeviceFdPlace;

/* kvm_device_fd_apply: DeviceFdApply of a &struct KVMDeviceFdPlace */
int kvm_device_fd_apply(void *opaque, uint64_t offset, uint64_t size,
                        bool to_private);

/* kvm_device_fd_apply_nothing: DeviceFdApply of what is not in the guest */
int kvm_device_fd_apply_nothing(void *opaque, uint64_t offset, uint64_t size,
                                bool to_private);

#endif /* ACCEL_KVM_PRIVATE_INT_H */
