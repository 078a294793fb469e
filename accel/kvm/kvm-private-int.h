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
 * struct KVMDeviceFdPlace - where a part of a region is in the guest
 *
 * @region: the region
 * @base: guest physical address at which its first byte is, or would be
 */
typedef struct KVMDeviceFdPlace {
    DeviceFdRegion *region;
    hwaddr base;
} KVMDeviceFdPlace;

/**
 * kvm_device_fd_set_attributes: turn guest frames private or shared
 * @name: whose they are, for messages
 * @gpa, @size: the frames, in bytes
 * @to_private: wanted state
 *
 * Returns: 0; -EBUSY: memory of a TDI that is bound stays private; other errnos
 *     have been reported.
 */
int kvm_device_fd_set_attributes(const char *name, hwaddr gpa, uint64_t size,
                                 bool to_private);

/* kvm_device_fd_apply: DeviceFdApply of a &struct KVMDeviceFdPlace */
int kvm_device_fd_apply(void *opaque, uint64_t offset, uint64_t size,
                        bool to_private);

/**
 * kvm_private_ram_convert: convert RAM that has a private view
 * @sections: of struct MemoryRegionSection; what is at @start, without a hole
 * @start: guest physical address, page aligned
 * @size: bytes, page aligned, not 0
 * @to_private: wanted state
 *
 * Context: BQL.
 * Returns: 0, or -errno with the range as it was.
 */
int kvm_private_ram_convert(const GArray *sections, hwaddr start, hwaddr size,
                            bool to_private);

#endif /* ACCEL_KVM_PRIVATE_INT_H */
