/*
 * A simulated host for QEMU: KVM, the system and one VM
 *
 * Memslots and attributes are in kvm-memory.c; the test reads the calls in the
 * log.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm-tdcm.h>
#include <linux/vfio-private.h>
#include "standard-headers/linux/kvm_para.h"
#include "host.h"

#define SIM_VCPU_PAGES 3

static const struct {
    unsigned int cap;
    int value;
} caps[] = {
    { KVM_CAP_ADJUST_CLOCK, 1 },
    { KVM_CAP_DEBUGREGS, 1 },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
    { KVM_CAP_DEVICE_CTRL, 1 },
    { KVM_CAP_DIRTY_LOG_RING, SIM_RING_BYTES },
    { KVM_CAP_EXIT_HYPERCALL,
      1 << KVM_HC_MAP_GPA_RANGE | 1 << KVM_HC_TDCM },
    { KVM_CAP_EXT_CPUID, 1 },
    { KVM_CAP_GUEST_MEMFD, 1 },
    { KVM_CAP_IMMEDIATE_EXIT, 1 },
    { KVM_CAP_INTERNAL_ERROR_DATA, 1 },
    { KVM_CAP_IOEVENTFD, 1 },
    { KVM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
    { KVM_CAP_IRQCHIP, 1 },
    { KVM_CAP_IRQFD, 1 },
    { KVM_CAP_IRQFD_RESAMPLE, 1 },
    { KVM_CAP_IRQ_ROUTING, 1024 },
    { KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
    { KVM_CAP_MAX_VCPUS, 8 },
    { KVM_CAP_MCE, 32 },
    { KVM_CAP_MEMORY_ATTRIBUTES, KVM_MEMORY_ATTRIBUTE_PRIVATE },
    { KVM_CAP_MP_STATE, 1 },
    { KVM_CAP_NR_MEMSLOTS, 64 },
    { KVM_CAP_NR_VCPUS, 8 },
    { KVM_CAP_PIT2, 1 },
    { KVM_CAP_PIT_STATE2, 1 },
    { KVM_CAP_PRE_FAULT_MEMORY, 1 },
    { KVM_CAP_READONLY_MEM, 1 },
    { KVM_CAP_SET_IDENTITY_MAP_ADDR, 1 },
    { KVM_CAP_SET_TSS_ADDR, 1 },
    { KVM_CAP_SIGNAL_MSI, 1 },
    { KVM_CAP_SPLIT_IRQCHIP, 1 },
    { KVM_CAP_SYNC_MMU, 1 },
    { KVM_CAP_TSC_DEADLINE_TIMER, 1 },
    { KVM_CAP_USER_MEMORY, 1 },
    { KVM_CAP_USER_MEMORY2, 1 },
    { KVM_CAP_VCPU_EVENTS, 1 },
    { KVM_CAP_VFIO_DMABUF, KVM_MEM_VFIO_DMABUF },
    { KVM_CAP_VM_TYPES, 1 << KVM_X86_DEFAULT_VM |
                        1 << KVM_X86_SW_PROTECTED_VM | 1 << KVM_X86_TDX_VM |
                        1 << KVM_X86_SNP_VM },
    { KVM_CAP_X2APIC_API, 3 },
    { KVM_CAP_X86_APIC_BUS_CYCLES_NS, 1 },
    { KVM_CAP_X86_ROBUST_SINGLESTEP, 1 },
    { KVM_CAP_X86_TDX_TDCM, 1 },
    { KVM_CAP_XSAVE, 1 },
};

/* Of the VM: KVM's own answers depend on it where they are of the VM. */
static uintptr_t vm_type;

/* What the type of the VM has a say in */
static int sim_vm_extension(unsigned int cap, int value)
{
    switch (cap) {
    case KVM_CAP_EXIT_HYPERCALL:
        return sim->no_tdcm ? value & ~(1 << KVM_HC_TDCM) : value;
    case KVM_CAP_MEMORY_ATTRIBUTES:
        return vm_type == KVM_X86_DEFAULT_VM ? 0 : value;
    case KVM_CAP_VFIO_DMABUF:
        return sim->no_private_mmio || (vm_type != KVM_X86_SW_PROTECTED_VM &&
                                        vm_type != KVM_X86_TDX_VM) ?
               value : value | KVM_VFIO_DMABUF_PRIVATE;
    case KVM_CAP_X86_TDX_TDCM:
        return vm_type == KVM_X86_TDX_VM ? value : 0;
    default:
        return value;
    }
}

uintptr_t sim_vm_type(void)
{
    return vm_type;
}

int sim_kvm_check_extension(int fd, void *arg)
{
    unsigned int cap = (uintptr_t)arg;
    bool vm = sim_kind(fd) == SIM_VM;
    int i;

    for (i = 0; i < SIM_CAPS; i++) {
        if (cap && sim->caps_off[i] == cap) {
            return 0;
        }
    }
    for (i = 0; i < ARRAY_SIZE(caps); i++) {
        if (caps[i].cap == cap) {
            return vm ? sim_vm_extension(cap, caps[i].value) : caps[i].value;
        }
    }
    return 0;
}

static int sim_kvm_version(int fd, void *arg)
{
    return KVM_API_VERSION;
}

static int sim_kvm_create_vm(int fd, void *arg)
{
    vm_type = (uintptr_t)arg;
    return sim_new_fd(SIM_VM, "kvm-vm", 0);
}

static int sim_kvm_vcpu_size(int fd, void *arg)
{
    return SIM_VCPU_PAGES * 4096;
}

static int sim_kvm_mce_cap(int fd, void *arg)
{
    /* MCG_CTL_P, MCG_SER_P */
    *(uint64_t *)arg = 1 << 8 | 1 << 24;
    return 0;
}

static const SimCall kvm_calls[] = {
    { KVM_GET_API_VERSION, NULL, sim_kvm_version },
    { KVM_CHECK_EXTENSION, NULL, sim_kvm_check_extension },
    { KVM_CREATE_VM, "CREATE_VM", sim_kvm_create_vm, { SIM_ARG_VALUE } },
    { KVM_GET_VCPU_MMAP_SIZE, NULL, sim_kvm_vcpu_size },
    { KVM_X86_GET_MCE_CAP_SUPPORTED, NULL, sim_kvm_mce_cap },
    { KVM_GET_SUPPORTED_CPUID, NULL, sim_kvm_supported_cpuid },
    { }
};

/* What is not listed reports nothing of what it could report. */
const SimCalls sim_kvm_calls = { kvm_calls, 0 };

static int sim_vm_create_device(int fd, void *arg)
{
    struct kvm_create_device *dev = arg;
    int ret = sim_new_fd(SIM_KVM_DEVICE, "kvm-device", 0);

    if (ret < 0) {
        return ret;
    }
    dev->fd = ret;
    return 0;
}

static int sim_vm_create_memfd(int fd, void *arg)
{
    struct kvm_create_guest_memfd *memfd = arg;

    return sim_new_fd(SIM_GUEST_MEMFD, "kvm-guest-memfd", memfd->size);
}

static const SimCall vm_calls[] = {
    { KVM_CHECK_EXTENSION, NULL, sim_kvm_check_extension },
    { KVM_CREATE_VCPU, "CREATE_VCPU", sim_vcpu_create, { SIM_ARG_VALUE } },
    { KVM_CREATE_DEVICE, "CREATE_DEVICE", sim_vm_create_device,
      { SIM_ARG(kvm_create_device, type) } },
    { KVM_CREATE_GUEST_MEMFD, "CREATE_GUEST_MEMFD", sim_vm_create_memfd,
      { SIM_ARG(kvm_create_guest_memfd, size) } },
    { KVM_ENABLE_CAP, "ENABLE_CAP", NULL,
      { SIM_ARG(kvm_enable_cap, cap), SIM_ARG(kvm_enable_cap, args[0]) } },
    { KVM_SET_USER_MEMORY_REGION2, "SET_MEMORY_REGION", sim_vm_set_region,
      { SIM_ARG(kvm_userspace_memory_region2, guest_phys_addr),
        SIM_ARG(kvm_userspace_memory_region2, memory_size),
        SIM_ARG(kvm_userspace_memory_region2, flags),
        SIM_ARG(kvm_userspace_memory_region2, guest_memfd),
        SIM_ARG(kvm_userspace_memory_region2, guest_memfd_offset) } },
    { KVM_SET_MEMORY_ATTRIBUTES, "SET_ATTRIBUTES", sim_vm_set_attributes,
      { SIM_ARG(kvm_memory_attributes, address),
        SIM_ARG(kvm_memory_attributes, size),
        SIM_ARG(kvm_memory_attributes, attributes) } },
    { KVM_SIGNAL_MSI, "SIGNAL_MSI", NULL,
      { SIM_ARG(kvm_msi, address_lo), SIM_ARG(kvm_msi, data) } },
    { KVM_MEMORY_ENCRYPT_OP, NULL, sim_tdx_op,
      { SIM_ARG(kvm_tdx_cmd, flags) }, sim_tdx_name },
    { }
};

/* Interrupts, timers, clocks: they succeed, and nothing comes of it. */
const SimCalls sim_vm_calls = { vm_calls, 0 };

static const char *sim_device_name(void *arg)
{
    struct kvm_device_attr *attr = arg;

    return attr->group != KVM_DEV_VFIO_FILE ? "SET_DEVICE_ATTR" :
           attr->attr == KVM_DEV_VFIO_FILE_ADD ? "FILE_ADD" : "FILE_DEL";
}

/* The file that it is about is behind a pointer. */
static int sim_device_set_attr(int fd, void *arg)
{
    struct kvm_device_attr *attr = arg;
    int file;

    if (attr->group != KVM_DEV_VFIO_FILE) {
        return -ENXIO;
    }
    memcpy(&file, (void *)(uintptr_t)attr->addr, sizeof(file));
    if (sim_kind(file) != SIM_VFIO && sim_kind(file) != SIM_GROUP) {
        return -EINVAL;
    }
    sim->nr_kvm_files += attr->attr == KVM_DEV_VFIO_FILE_ADD ? 1 : -1;
    return 0;
}

static const SimCall kvm_device_calls[] = {
    { KVM_SET_DEVICE_ATTR, NULL, sim_device_set_attr,
      { SIM_ARG(kvm_device_attr, group), SIM_ARG(kvm_device_attr, attr) },
      sim_device_name },
    { }
};

const SimCalls sim_kvm_device_calls = { kvm_device_calls, -ENOTTY };
