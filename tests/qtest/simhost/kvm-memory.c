/*
 * A simulated host for QEMU: KVM's memslots and attributes, and the accesses of
 * the vCPU
 *
 * As far as they are about device memory.  A TDX guest has a bit in its
 * addresses that tells what an access is, and its KVM lets go of private memory
 * of a TDI only once that is unbound.  A software-protected VM has the
 * attribute.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/vfio-private.h>
#include "host.h"

#define SIM_SLOTS 64
#define SIM_AREA 0xe0000000ULL
#define SIM_AREA_PAGES 4096

/* Of the dma-bufs, by number; @size 0: there is none. */
static struct {
    uint64_t gpa;
    uint64_t size;
} slots[SIM_SLOTS];

static bool attributes[SIM_AREA_PAGES];

static bool sim_page(uint64_t gpa, uint64_t *page)
{
    *page = (gpa - SIM_AREA) / 4096;
    return gpa >= SIM_AREA && *page < SIM_AREA_PAGES;
}

static bool sim_any_private(uint64_t gpa, uint64_t size)
{
    uint64_t page, end = gpa + size;

    for (; gpa < end; gpa += 4096) {
        if (sim_page(gpa, &page) && attributes[page]) {
            return true;
        }
    }
    return false;
}

static bool sim_has_slot(uint64_t gpa, uint64_t size)
{
    int i;

    for (i = 0; i < SIM_SLOTS; i++) {
        if (slots[i].size && gpa < slots[i].gpa + slots[i].size &&
            slots[i].gpa < gpa + size) {
            return true;
        }
    }
    return false;
}

/* STOP comes before the module lets KVM unmap anything. */
static bool sim_held(uint64_t gpa, uint64_t size)
{
    return sim_vm_type() == KVM_X86_TDX_VM && sim_tsm_bound() && !sim->ended &&
           sim_has_slot(gpa, size) && sim_any_private(gpa, size);
}

int sim_vm_set_attributes(int fd, void *arg)
{
    struct kvm_memory_attributes *attrs = arg;
    uint64_t gpa, page;

    if (attrs->flags || !attrs->size ||
        ((attrs->address | attrs->size) & 4095) ||
        (attrs->attributes & ~(uint64_t)KVM_MEMORY_ATTRIBUTE_PRIVATE)) {
        return -EINVAL;
    }
    if (!attrs->attributes && sim_held(attrs->address, attrs->size)) {
        return -EBUSY;
    }
    for (gpa = attrs->address; gpa < attrs->address + attrs->size;
         gpa += 4096) {
        if (sim_page(gpa, &page)) {
            attributes[page] = attrs->attributes;
        }
    }
    return 0;
}

static int sim_set_dmabuf(struct kvm_userspace_memory_region2 *mem)
{
    uint64_t end = mem->guest_memfd_offset + mem->memory_size;

    if (mem->flags != KVM_MEM_VFIO_DMABUF || mem->userspace_addr ||
        sim_kind(mem->guest_memfd) != SIM_DMABUF ||
        (mem->guest_memfd_offset & 4095) ||
        end > sim_fd_size(mem->guest_memfd)) {
        return -EINVAL;
    }
    return sim_config_decodes() ? 0 : -ENODEV;
}

int sim_vm_set_region(int fd, void *arg)
{
    struct kvm_userspace_memory_region2 *mem = arg;
    uint64_t end = mem->guest_memfd_offset + mem->memory_size;
    int ret = 0;

    if ((mem->guest_phys_addr | mem->memory_size) & 4095) {
        return -EINVAL;
    }
    if (mem->slot >= SIM_SLOTS) {
        /* Of another address space */
        return 0;
    }
    if (!mem->memory_size) {
        if (slots[mem->slot].size &&
            sim_held(slots[mem->slot].gpa, slots[mem->slot].size)) {
            return -EBUSY;
        }
        slots[mem->slot].size = 0;
        return 0;
    }
    if (sim_has_slot(mem->guest_phys_addr, mem->memory_size)) {
        return -EEXIST;
    }
    if (mem->flags & KVM_MEM_VFIO_DMABUF) {
        ret = sim_set_dmabuf(mem);
        if (!ret) {
            slots[mem->slot].gpa = mem->guest_phys_addr;
            slots[mem->slot].size = mem->memory_size;
        }
        return ret;
    }
    if ((mem->flags & KVM_MEM_GUEST_MEMFD) &&
        ((mem->flags & KVM_MEM_LOG_DIRTY_PAGES) ||
         sim_kind(mem->guest_memfd) != SIM_GUEST_MEMFD ||
         end > sim_fd_size(mem->guest_memfd))) {
        return -EINVAL;
    }
    return 0;
}

/*
 * Does an access succeed?  If not, what KVM_EXIT_MEMORY_FAULT has as its flags.
 * What has no memslot, or is revoked, is emulated for what is shared.
 */
bool sim_kvm_access(uint64_t gpa, bool is_private, uint64_t *flags)
{
    bool tdx = sim_vm_type() == KVM_X86_TDX_VM;
    bool slot = sim_has_slot(gpa, 1);
    bool attribute = sim_any_private(gpa & ~4095ULL, 4096);

    is_private = tdx ? is_private : attribute;
    *flags = is_private ? KVM_MEMORY_EXIT_FLAG_PRIVATE : 0;
    if (is_private && slot &&
        (sim->no_private_mmio || (tdx && (!sim_tsm_bound() || sim->ended)))) {
        *flags |= KVM_MEMORY_EXIT_FLAG_NO_PRIVATE;
        return false;
    }
    if (is_private != attribute) {
        return false;
    }
    if (is_private && slot && sim->revoked) {
        *flags |= KVM_MEMORY_EXIT_FLAG_REVOKED;
        return false;
    }
    return slot || !is_private;
}
