/*
 * KVM: memslots of device-fd regions, and conversion of guest memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_KVM_PRIVATE_H
#define SYSTEM_KVM_PRIVATE_H

#include "exec/hwaddr.h"
#include "system/device-fd-region.h"

typedef struct KVMMemoryListener KVMMemoryListener;
typedef struct KVMSlot KVMSlot;

/*
 * For KVM's own files
 */

/* kvm_alloc_slot: defined in accel/kvm/kvm-all.c */
KVMSlot *kvm_alloc_slot(KVMMemoryListener *kml);

/**
 * kvm_private_mmio_set_phys_mem: add or remove the memslot of a device-fd
 *     section
 * @kml: the listener; its slots lock is held
 * @section: the section
 * @add: true: it has appeared
 *
 * Returns: true if this was a device-fd region; failure is reported and not
 *     fatal.
 */
bool kvm_private_mmio_set_phys_mem(KVMMemoryListener *kml,
                                   MemoryRegionSection *section, bool add);

/**
 * kvm_private_convert: convert a range of guest memory, or refuse to
 * @start: guest physical address, page aligned
 * @size: bytes, page aligned, not 0
 * @to_private: wanted state
 * @ret: out: 0, or -errno for the guest with nothing changed
 *
 * Context: takes the BQL if it is not held.
 * Returns: false if there is nothing to convert: holes and emulated devices,
 *     which are shared.
 */
bool kvm_private_convert(hwaddr start, hwaddr size, bool to_private, int *ret);

/**
 * kvm_private_ram_added: RAM with guest_memfd has got a memslot
 * @mr: the region
 * @start: guest physical address
 * @offset: of what is there, in @mr
 * @size: bytes
 *
 * Gives the frames the attributes that the pages have.
 *
 * Returns: 0 or -errno.
 */
int kvm_private_ram_added(MemoryRegion *mr, hwaddr start, uint64_t offset,
                          uint64_t size);

/**
 * kvm_private_ram_removed: a section has lost its memslots
 * @section: the section
 *
 * What appears at the address of RAM with guest_memfd next starts shared.  Not
 * before its memslot has gone, or vCPUs would find the other view there.
 */
void kvm_private_ram_removed(MemoryRegionSection *section);

/**
 * kvm_private_memory_fault: KVM_EXIT_MEMORY_FAULT
 * @cpu: the vCPU
 * @ret: out: 0: it makes the access again; else the VM stops, which has been
 *     reported
 *
 * What a conversion helps with is converted.  What a device has lost, or cannot
 * have now, the vCPU waits for: it comes back here again and again.
 *
 * Context: vCPU thread; takes the BQL.
 * Returns: false if the exit has flags that are not known.
 */
bool kvm_private_memory_fault(CPUState *cpu, int *ret);

/**
 * kvm_private_fault_in: is what was converted to be mapped before it is
 * touched?
 * @start: guest physical address
 * @size: bytes
 *
 * Context: takes the BQL if it is not held.
 */
bool kvm_private_fault_in(hwaddr start, hwaddr size);

/*
 * For devices.
 */

/* kvm_private_has: has a capability of this VM, a bit mask, this bit set? */
bool kvm_private_has(unsigned int cap, int bit);

/* kvm_private_mmio_serves: do they serve private accesses of this VM? */
bool kvm_private_mmio_serves(void);

/* kvm_private_has_tdcm: does KVM hand on what the guest asks of TSMs? */
bool kvm_private_has_tdcm(void);

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

#endif /* SYSTEM_KVM_PRIVATE_H */
