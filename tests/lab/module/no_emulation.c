// SPDX-License-Identifier: GPL-2.0-only
/*
 * no_emulation - makes KVM refuse to emulate for software-protected VMs.
 *
 * KVM does not emulate instructions of SEV-ES guests, whose registers it does not
 * see. It resumes the guest, and the CPU makes a #VC of the access if the page
 * table says "MMIO", i.e. has reserved bits. The guest's handler then asks KVM for
 * the access. No emulated CPU has SEV-ES, so this stands in for it: KVM's check
 * before it emulates says "not possible" for all faults but those on reserved bits,
 * where KVM itself does what the #VC handler would have it do.
 *
 * To be loaded in L1, on SVM, before a VM starts. Removing it is the end of it.
 */
#include <linux/kprobes.h>
#include <linux/kvm_host.h>
#include <linux/module.h>

#include "kvm_emulate.h"
#include "svm/svm.h"

static int refused;
module_param(refused, int, 0444);
MODULE_PARM_DESC(refused, "How often KVM was not to emulate");

/* The first argument is the vCPU. Returns 0 if refuse() is to be called. */
static int check_begins(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)regs_get_kernel_argument(regs, 0);
	struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;

	if (vcpu->kvm->arch.vm_type != KVM_X86_SW_PROTECTED_VM ||
	    control->exit_code != SVM_EXIT_NPF)
		return 1;
	return !!(control->exit_info_1 & PFERR_RSVD_MASK);
}
NOKPROBE_SYMBOL(check_begins);

static int refuse(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, X86EMUL_RETRY_INSTR);
	WRITE_ONCE(refused, READ_ONCE(refused) + 1);
	return 0;
}
NOKPROBE_SYMBOL(refuse);

static struct kretprobe no_emulation = {
	.kp.symbol_name = "svm_check_emulate_instruction",
	.entry_handler = check_begins,
	.handler = refuse,
	.maxactive = 64,
};

static int __init no_emulation_init(void)
{
	return register_kretprobe(&no_emulation);
}
module_init(no_emulation_init);

static void __exit no_emulation_exit(void)
{
	unregister_kretprobe(&no_emulation);
	if (no_emulation.nmissed)
		pr_warn("%d checks were missed\n", no_emulation.nmissed);
}
module_exit(no_emulation_exit);

MODULE_DESCRIPTION("KVM does not emulate for software-protected VMs");
MODULE_LICENSE("GPL");
