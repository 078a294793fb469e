/*
 * tdi-host-check: what KVM offers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/kvm-tdcm.h>
#include <linux/vfio-private.h>
#include "qemu/bitops.h"
#include "tdi-host-check.h"

#define HOST_PATCHED_KERNEL \
    "boot a host kernel with patches-kernel/ applied"

static int host_kvm_cap(HostCheck *hc, int kvm, unsigned long cap)
{
    return MAX(hc->ops->ioctl(kvm, KVM_CHECK_EXTENSION, (void *)cap), 0);
}

static const struct {
    unsigned int type;
    const char *name;
} host_vm_types[] = {
    { KVM_X86_DEFAULT_VM, "ordinary" },
    { KVM_X86_SW_PROTECTED_VM, "software-protected" },
    { KVM_X86_SEV_VM, "SEV" },
    { KVM_X86_SEV_ES_VM, "SEV-ES" },
    { KVM_X86_SNP_VM, "SEV-SNP" },
    { KVM_X86_TDX_VM, "TDX" },
};

/* What to do on this CPU to get a guest that is confidential for real. */
static char *host_vm_types_remedy(const char *cpu_flags)
{
    if (strstr(cpu_flags, "tdx_host_platform")) {
        return g_strdup("modprobe -r kvm_intel && modprobe kvm_intel tdx=1");
    }
    if (strstr(cpu_flags, "sev_snp")) {
        return g_strdup("private=on does not support SEV-SNP guests yet; use "
                        "a machine with TDX");
    }
    return g_strdup("use a machine with TDX, and enable it in its firmware");
}

static void host_check_vm_types(HostCheck *hc, int kvm, const char *cpu_flags)
{
    int types = host_kvm_cap(hc, kvm, KVM_CAP_VM_TYPES);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *list = NULL;
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(host_vm_types); i++) {
        if (types & BIT(host_vm_types[i].type)) {
            g_ptr_array_add(names, (char *)host_vm_types[i].name);
        }
    }
    list = host_join(names, "none");

    if (types & BIT(KVM_X86_TDX_VM)) {
        host_add(hc, "vm-types", false, HOST_PASS, NULL, "%s", list);
    } else if (types & BIT(KVM_X86_SW_PROTECTED_VM)) {
        host_add(hc, "vm-types", false, HOST_WARN,
                 host_vm_types_remedy(cpu_flags),
                 "%s: private=on works, but software-protected guests are for "
                 "development and give no confidentiality", list);
    } else {
        host_add(hc, "vm-types", false, HOST_FAIL,
                 g_strdup("enable CONFIG_KVM_SW_PROTECTED_VM or TDX in the "
                          "host kernel; fd-bars=on works in any guest"),
                 "%s: none that private=on supports", list);
    }
}

static void host_check_private_memory(HostCheck *hc, int kvm)
{
    bool attributes = host_kvm_cap(hc, kvm, KVM_CAP_MEMORY_ATTRIBUTES) &
                      KVM_MEMORY_ATTRIBUTE_PRIVATE;
    bool guest_memfd = host_kvm_cap(hc, kvm, KVM_CAP_GUEST_MEMFD);

    if (attributes && guest_memfd) {
        host_add(hc, "private-memory", false, HOST_PASS, NULL,
                 "memory attributes and guest_memfd");
    } else {
        host_add(hc, "private-memory", false, HOST_FAIL,
                 g_strdup("enable CONFIG_KVM_SW_PROTECTED_VM or TDX in the "
                          "host kernel"),
                 "KVM has no %s", attributes ? "guest_memfd" :
                 "private memory attribute");
    }
}

static void host_check_slots(HostCheck *hc, int kvm)
{
    if (host_kvm_cap(hc, kvm, KVM_CAP_VFIO_DMABUF) & KVM_MEM_VFIO_DMABUF) {
        host_add(hc, "kvm-dmabuf", false, HOST_PASS, NULL,
                 "KVM makes memory slots of VFIO dma-bufs");
    } else {
        host_add(hc, "kvm-dmabuf", false, HOST_FAIL,
                 g_strdup(HOST_PATCHED_KERNEL),
                 "KVM_CAP_VFIO_DMABUF is missing: BARs cannot reach the guest "
                 "as file descriptors");
    }
}

/* Which hypercalls reach QEMU depends on the type of the VM. */
static unsigned int host_hypercalls(HostCheck *hc, int kvm)
{
    int vm = hc->ops->ioctl(kvm, KVM_CREATE_VM,
                            (void *)(uintptr_t)KVM_X86_SW_PROTECTED_VM);
    unsigned int mask;

    if (vm < 0) {
        return host_kvm_cap(hc, kvm, KVM_CAP_EXIT_HYPERCALL);
    }
    mask = host_kvm_cap(hc, vm, KVM_CAP_EXIT_HYPERCALL);
    hc->ops->close(vm);
    return mask;
}

static void host_check_hypercalls(HostCheck *hc, int kvm)
{
    unsigned int mask = host_hypercalls(hc, kvm);

    if (mask & BIT(KVM_HC_MAP_GPA_RANGE)) {
        host_add(hc, "kvm-convert", false, HOST_PASS, NULL,
                 "the guest can ask for conversions (KVM_HC_MAP_GPA_RANGE)");
    } else {
        host_add(hc, "kvm-convert", false, HOST_FAIL,
                 g_strdup("boot a newer host kernel"),
                 "KVM_CAP_EXIT_HYPERCALL lacks KVM_HC_MAP_GPA_RANGE");
    }
    if (mask & BIT(KVM_HC_TDCM)) {
        host_add(hc, "kvm-tdcm", false, HOST_PASS, NULL,
                 "the guest can ask to bind a device (KVM_HC_TDCM)");
    } else {
        host_add(hc, "kvm-tdcm", false, HOST_WARN,
                 g_strdup(HOST_PATCHED_KERNEL),
                 "KVM_CAP_EXIT_HYPERCALL lacks KVM_HC_TDCM: a "
                 "software-protected guest cannot lock a device");
    }
}

void host_check_kvm(HostCheck *hc, const char *cpu_flags)
{
    int kvm = host_open(hc, "/dev/kvm");
    int version;

    if (kvm < 0) {
        host_add(hc, "kvm", false, HOST_FAIL,
                 host_open_remedy(-kvm, "/dev/kvm",
                                  "enable virtualization in the firmware; "
                                  "modprobe kvm_intel, or kvm_amd"),
                 "/dev/kvm cannot be opened: %s", strerror(-kvm));
        return;
    }
    version = hc->ops->ioctl(kvm, KVM_GET_API_VERSION, NULL);
    if (version == KVM_API_VERSION) {
        host_add(hc, "kvm", false, HOST_PASS, NULL, "/dev/kvm works");
        host_check_vm_types(hc, kvm, cpu_flags);
        host_check_private_memory(hc, kvm);
        host_check_slots(hc, kvm);
        host_check_hypercalls(hc, kvm);
    } else {
        host_add(hc, "kvm", false, HOST_FAIL,
                 g_strdup("boot a Linux kernel with KVM"),
                 "/dev/kvm is not KVM: API version %d", version);
    }
    hc->ops->close(kvm);
}
