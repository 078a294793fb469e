/*
 * A simulated host for QEMU: what KVM supports of CPUID
 *
 * As much as QEMU's default CPU models ask for: no AVX, no XSAVE component
 * beyond SSE, so that no buffer depends on the machine that runs the test.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include "host.h"

static const struct kvm_cpuid_entry2 cpuid[] = {
    { .function = 0, .eax = 0x1f },
    /* All but FMA, AVX and F16C. */
    { .function = 1, .ecx = 0xcfffefff, .edx = UINT32_MAX },
    { .function = 6, .eax = 4 },
    /* FSGSBASE, SMEP, SMAP; the rest has state or MSRs. */
    { .function = 7, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
      .ebx = 1 << 0 | 1 << 7 | 1 << 20 },
    { .function = 0xd, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
      .eax = 3, .ebx = 576, .ecx = 576 },
    { .function = 0xd, .index = 1,
      .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX },
    { .function = 0x40000000, .eax = 0x40000001, .ebx = 0x4b4d564b,
      .ecx = 0x564b4d56, .edx = 0x4d },
    /* Clock, and MSI destinations of 15 bits. */
    { .function = 0x40000001, .eax = 1 << 3 | 1 << 15 | 1 << 24 },
    { .function = 0x80000000, .eax = 0x80000008 },
    { .function = 0x80000001, .ecx = 1 << 0 | 1 << 5 | 1 << 8,
      .edx = 0x2fffffff },
    { .function = 0x80000007, .edx = 1 << 8 },
    { .function = 0x80000008, .eax = 0x3028 },
};

int sim_kvm_supported_cpuid(int fd, void *arg)
{
    struct kvm_cpuid2 *out = arg;

    if (out->nent < ARRAY_SIZE(cpuid)) {
        return -E2BIG;
    }
    out->nent = ARRAY_SIZE(cpuid);
    memcpy(out->entries, cpuid, sizeof(cpuid));
    return 0;
}
