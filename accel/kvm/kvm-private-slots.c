/*
 * KVM: memslots of device-fd regions
 *
 * A device-fd section becomes one memslot that KVM fills from the dma-buf; no
 * virtual address is involved, and such a slot is never logged.  The slots
 * share the KVMSlot array of the listener with those of RAM, so that slot
 * numbers do not clash.
 *
 * Unlike a slot of RAM, this one may fail for reasons that lie in the guest's
 * hands or outside QEMU: the dma-buf is revoked while memory decode of the
 * device is off.  So failure is reported once, and the guest's accesses then
 * reach the region's ops: all ones, and writes vanish.
 *
 * What becomes of the private attribute when a slot goes is rule 4 of "Order
 * rules" in docs/devel/vfio-private.rst.
 *
 * A TDX module does not let KVM unmap private memory of a device that was not
 * stopped, so KVM does not delete such a slot.  It is kept, with its attribute,
 * and no longer the region's: whoever makes or deletes a slot next tries again.
 * Until that succeeds nothing else gets a slot there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm-tdcm.h>
#include <linux/vfio-private.h>

#include "qemu/error-report.h"
#include "qemu/range.h"
#include "hw/boards.h"
#include "system/device-fd-region.h"
#include "system/kvm.h"
#include "system/kvm_int.h"
#include "system/kvm-private.h"
#include "kvm-private-int.h"
#include "trace.h"

/*
 * kvm-all.c looks slots up by host address.  A NULL here would claim the low
 * part of QEMU's own address space.
 */
#define KVM_NO_HOST_ADDRESS ((void *)UINTPTR_MAX)

/* KVMSlot.flags of a slot that KVM did not delete */
#define KVM_SLOT_KEPT (1u << 31)

/* How many there are of these.  Guarded by the BQL. */
static unsigned int kvm_kept_slots;

bool kvm_private_has(unsigned int cap, int bit)
{
    int bits = kvm_vm_check_extension(kvm_state, cap);

    return bits > 0 && (bits & bit);
}

bool kvm_private_mmio_serves(void)
{
    return kvm_private_has(KVM_CAP_VFIO_DMABUF, KVM_VFIO_DMABUF_PRIVATE);
}

/* By hypercall, or by what KVM makes of a TDVMCALL */
bool kvm_private_has_tdcm(void)
{
    return machine_ram_starts_shared(current_machine) ?
           kvm_private_has(KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_TDCM) :
           kvm_vm_check_extension(kvm_state, KVM_CAP_X86_TDX_TDCM) > 0;
}

static int kvm_device_fd_set_slot(KVMMemoryListener *kml, const KVMSlot *slot,
                                  uint64_t size, const char *name)
{
    struct kvm_userspace_memory_region2 mem = {
        .slot = slot->slot | (kml->as_id << 16),
        .flags = size ? KVM_MEM_VFIO_DMABUF : 0,
        .guest_phys_addr = slot->start_addr,
        .memory_size = size,
        .guest_memfd = slot->guest_memfd,
        .guest_memfd_offset = slot->guest_memfd_offset,
    };
    int ret = kvm_vm_ioctl(kvm_state, KVM_SET_USER_MEMORY_REGION2, &mem);

    trace_kvm_private_mmio_slot(name, mem.slot, mem.guest_phys_addr, size,
                                mem.guest_memfd, mem.guest_memfd_offset, ret);
    return ret;
}

static bool kvm_device_fd_is_kept(KVMMemoryListener *kml, hwaddr gpa,
                                  uint64_t size)
{
    unsigned int i;

    for (i = 0; i < kml->nr_slots_allocated; i++) {
        KVMSlot *slot = &kml->slots[i];

        if (slot->memory_size && slot->flags == KVM_SLOT_KEPT &&
            ranges_overlap(gpa, size, slot->start_addr, slot->memory_size)) {
            return true;
        }
    }
    return false;
}

static void kvm_device_fd_add(KVMMemoryListener *kml, DeviceFdRegion *region,
                              MemoryRegionSection *section)
{
    const char *name = memory_region_name(&region->mr);
    uint64_t size = int128_get64(section->size);
    KVMSlot *slot;
    int ret;

    if (region->hidden) {
        return;
    }
    slot = kvm_alloc_slot(kml);
    slot->as_id = kml->as_id;
    slot->start_addr = section->offset_within_address_space;
    slot->ram = KVM_NO_HOST_ADDRESS;
    slot->flags = KVM_MEM_VFIO_DMABUF;
    slot->guest_memfd = region->fd;
    slot->guest_memfd_offset = section->offset_within_region;

    ret = kvm_device_fd_set_slot(kml, slot, size, name);
    if (ret < 0) {
        if (!region->warned) {
            region->warned = true;
            error_report("%s: cannot be mapped into the guest at 0x%"
                         HWADDR_PRIx ": %s; %s", name, slot->start_addr,
                         strerror(-ret),
                         kvm_device_fd_is_kept(kml, slot->start_addr, size) ?
                         "KVM has a slot there of a TDI that could not be "
                         "unbound: map it elsewhere, or unlock that device" :
                         "it reads as all ones");
        }
        /* slot->memory_size is still 0: the slot is free. */
        return;
    }
    slot->memory_size = size;
    kml->nr_slots_used++;
    region->slot_bytes += size;
    region->slot_gpa = slot->start_addr - section->offset_within_region;
}

static KVMSlot *kvm_device_fd_find(KVMMemoryListener *kml,
                                   MemoryRegionSection *section)
{
    unsigned int i;

    for (i = 0; i < kml->nr_slots_allocated; i++) {
        KVMSlot *slot = &kml->slots[i];

        if (slot->start_addr == section->offset_within_address_space &&
            slot->memory_size == int128_get64(section->size) &&
            (slot->flags & KVM_MEM_VFIO_DMABUF)) {
            return slot;
        }
    }
    return NULL;
}

/* Returns whether it is gone, and not just kept. */
static bool kvm_device_fd_delete(KVMMemoryListener *kml, KVMSlot *slot,
                                 const char *name)
{
    int ret = kvm_device_fd_set_slot(kml, slot, 0, name);

    if (ret == -EBUSY) {
        kvm_kept_slots += slot->flags != KVM_SLOT_KEPT;
        slot->flags = KVM_SLOT_KEPT;
        return false;
    }
    if (ret < 0) {
        /* KVM deletes any other slot without fail. */
        error_report("%s: error unregistering slot: %s", name,
                     strerror(-ret));
        abort();
    }
    kvm_kept_slots -= slot->flags == KVM_SLOT_KEPT;
    slot->memory_size = 0;
    slot->flags = 0;
    kml->nr_slots_used--;
    return true;
}

static void kvm_device_fd_delete_kept(KVMMemoryListener *kml)
{
    unsigned int i;

    for (i = 0; i < kml->nr_slots_allocated; i++) {
        KVMSlot *slot = &kml->slots[i];
        uint64_t size = slot->memory_size;

        if (size && slot->flags == KVM_SLOT_KEPT &&
            kvm_device_fd_delete(kml, slot, "kept")) {
            kvm_device_fd_set_attributes("kept", slot->start_addr, size, false);
        }
    }
}

/* A range of the region leaves @gpa; @slot may be NULL. */
static void kvm_device_fd_leave(KVMMemoryListener *kml, DeviceFdRegion *region,
                                hwaddr gpa, uint64_t offset, uint64_t size,
                                KVMSlot *slot)
{
    KVMDeviceFdPlace place = { region, gpa - offset };
    bool stays = region->guard && region->guard->kept(region);
    bool is_private = device_fd_state_any(&region->state, offset, size, true);
    bool kept;
    int ret = 0;

    if (is_private && !stays) {
        ret = device_fd_state_convert(&region->state, offset, size, false,
                                      kvm_device_fd_apply, &place);
    }
    if (slot) {
        region->slot_bytes -= slot->memory_size;
        kept = !kvm_device_fd_delete(kml, slot,
                                     memory_region_name(&region->mr));
    } else {
        kept = kvm_device_fd_is_kept(kml, gpa, 1);
    }
    if (is_private && stays && !kept) {
        ret = kvm_device_fd_apply(&place, offset, size, false);
    }
    if (ret) {
        error_report("%s: 0x%" HWADDR_PRIx " stays private: %s",
                     memory_region_name(&region->mr), gpa, strerror(-ret));
    }
    if (ret && !stays) {
        /* The frames, that is; the region leaves them. */
        device_fd_state_convert(&region->state, offset, size, false, NULL,
                                NULL);
    }
}

/*
 * Slots of regions that have been hidden while they were in use, as one part of
 * their device was taken away.  Their sections stay in the flat view; without a
 * slot the guest reads all ones there.
 */
static void kvm_device_fd_leave_hidden(KVMMemoryListener *kml)
{
    unsigned int i;

    for (i = 0; i < kml->nr_slots_allocated; i++) {
        KVMSlot *slot = &kml->slots[i];
        DeviceFdRegion *region;

        if (!slot->memory_size || !(slot->flags & KVM_MEM_VFIO_DMABUF)) {
            continue;
        }
        region = device_fd_region_from_fd(slot->guest_memfd);
        if (region->hidden) {
            kvm_device_fd_leave(kml, region, slot->start_addr,
                                slot->guest_memfd_offset, slot->memory_size,
                                slot);
        }
    }
}

static void kvm_device_fd_del(KVMMemoryListener *kml, DeviceFdRegion *region,
                              MemoryRegionSection *section)
{
    KVMSlot *slot = kvm_device_fd_find(kml, section);

    if (slot && region->guard) {
        region->guard->unmapped(region);
        kvm_device_fd_leave_hidden(kml);
        slot = kvm_device_fd_find(kml, section);
    }
    kvm_device_fd_leave(kml, region, section->offset_within_address_space,
                        section->offset_within_region,
                        int128_get64(section->size), slot);
}

/* Of another kind of memory: KVM would refuse it a slot, and QEMU give up. */
static bool kvm_device_fd_in_the_way(KVMMemoryListener *kml,
                                     MemoryRegionSection *section, bool add)
{
    hwaddr gpa = section->offset_within_address_space;

    if (!kvm_device_fd_is_kept(kml, gpa, int128_get64(section->size))) {
        return false;
    }
    if (add && memory_region_is_ram(section->mr)) {
        error_report_once("%s: no memory slot at 0x%" HWADDR_PRIx ": KVM has "
                          "one of a TDI there that could not be unbound; map "
                          "it elsewhere, or unlock that device",
                          memory_region_name(section->mr), gpa);
    }
    return true;
}

bool kvm_private_mmio_set_phys_mem(KVMMemoryListener *kml,
                                   MemoryRegionSection *section, bool add)
{
    DeviceFdRegion *region = device_fd_region_from_mr(section->mr);
    uint64_t page_mask = qemu_real_host_page_size() - 1;

    if (kvm_kept_slots) {
        kvm_device_fd_delete_kept(kml);
    }
    if (!region) {
        return kvm_kept_slots && kvm_device_fd_in_the_way(kml, section, add);
    }
    /* A BAR at such an address, or cut like this, is not in proper use. */
    if ((section->offset_within_address_space | section->offset_within_region |
         int128_get64(section->size)) & page_mask) {
        return true;
    }
    if (add) {
        kvm_device_fd_add(kml, region, section);
    } else {
        kvm_device_fd_del(kml, region, section);
    }
    return true;
}
