/*
 * A simulated host for QEMU: KVM_MEMORY_ENCRYPT_OP of a TDX guest
 *
 * An SEV-SNP guest gets as far as to be refused what it cannot have.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include "host.h"

/* SEPT_VE_DISABLE, which QEMU asks for by default */
#define SIM_TDX_ATTRIBUTES (1ULL << 28)
/* x87 and SSE */
#define SIM_TDX_XFAM 3

static const char *const names[] = {
    [KVM_TDX_CAPABILITIES] = "TDX_CAPABILITIES",
    [KVM_TDX_INIT_VM] = "TDX_INIT_VM",
    [KVM_TDX_INIT_VCPU] = "TDX_INIT_VCPU",
    [KVM_TDX_INIT_MEM_REGION] = "TDX_INIT_MEM_REGION",
    [KVM_TDX_FINALIZE_VM] = "TDX_FINALIZE_VM",
    [KVM_TDX_GET_CPUID] = "TDX_GET_CPUID",
};

const char *sim_tdx_name(void *arg)
{
    struct kvm_tdx_cmd *cmd = arg;

    if (sim_vm_type() == KVM_X86_SNP_VM) {
        return "SEV_OP";
    }
    return cmd->id < ARRAY_SIZE(names) ? names[cmd->id] : "TDX_?";
}

int sim_tdx_op(int fd, void *arg)
{
    struct kvm_tdx_cmd *cmd = arg;
    struct kvm_tdx_capabilities *caps;

    if (sim_vm_type() == KVM_X86_SNP_VM) {
        return 0;
    }
    switch (cmd->id) {
    case KVM_TDX_CAPABILITIES:
        caps = (struct kvm_tdx_capabilities *)(uintptr_t)cmd->data;
        caps->supported_attrs = SIM_TDX_ATTRIBUTES;
        caps->supported_xfam = SIM_TDX_XFAM;
        caps->cpuid.nent = 0;
        return 0;
    case KVM_TDX_GET_CPUID:
        ((struct kvm_cpuid2 *)(uintptr_t)cmd->data)->nent = 0;
        return 0;
    default:
        return cmd->id < ARRAY_SIZE(names) ? 0 : -EINVAL;
    }
}

static const SimCall sev_calls[] = {
    { }
};

const SimCalls sim_sev_calls = { sev_calls, 0 };
