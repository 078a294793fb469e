/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * KVM: how a request about a TEE-I/O device gets from the guest to user space,
 * and how a guest is asked to keep its RAM private, which no released kernel has.
 *
 * The truth is patches-kernel/ in this repository.  Every definition here is
 * guarded, so the values of a header that already has them win; the build of
 * the lab compares the two.  The request itself is in linux/tdcm.h.
 */
#ifndef LINUX_KVM_TDCM_H
#define LINUX_KVM_TDCM_H

/*
 * Hypercall of software-protected VMs, and its bit in KVM_CAP_EXIT_HYPERCALL.
 * KVM_EXIT_HYPERCALL has args[0]: requester ID, [1]: gpa of the buffer, [2]: its
 * size in bytes, [3]: event vector, 0 to poll; and takes in ret 0 or -KVM_E*.
 */
#ifndef KVM_HC_TDCM
#define KVM_HC_TDCM 24
#endif

/* Of the VM of a TDX guest: its TDVMCALLs of this kind come as KVM_EXIT_TDX. */
#ifndef KVM_CAP_X86_TDX_TDCM
#define KVM_CAP_X86_TDX_TDCM 251
#endif

/* KVM_CPUID_FEATURES, eax: the VMM implements KVM_HC_TDCM. */
#ifndef KVM_FEATURE_HC_TDCM
#define KVM_FEATURE_HC_TDCM 23
#endif

/*
 * KVM_CPUID_FEATURES, eax: a software-protected VM is to keep its RAM private,
 * and KVM reaches what it shares with it there.
 */
#ifndef KVM_FEATURE_PRIVATE_RAM
#define KVM_FEATURE_PRIVATE_RAM 22
#endif

#endif /* LINUX_KVM_TDCM_H */
