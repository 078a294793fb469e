// SPDX-License-Identifier: GPL-2.0-only
/*
 * bound_mmio - makes KVM believe that a TDI depends on private MMIO.
 *
 * While a TDI of a TDX guest is bound, the module does not let KVM unmap the private
 * MMIO of its device, so KVM refuses to change the attribute and to delete the slot
 * before it has changed anything. There is no such module here: this stands in for
 * it at the place where KVM asks.
 *
 * To be loaded in L1. Removing it is the end of it.
 */
#include <linux/kprobes.h>
#include <linux/kvm_types.h>
#include <linux/mm.h>
#include <linux/module.h>

static unsigned long bound;
module_param(bound, ulong, 0644);
MODULE_PARM_DESC(bound, "Address in the guest of a page that is bound, or 0");

static int refused;
module_param(refused, int, 0444);
MODULE_PARM_DESC(refused, "How often KVM was told so");

/* The arguments after the VM: the first gfn, and the one after the last. */
static int change_starts(struct kretprobe_instance *instance,
			 struct pt_regs *regs)
{
	gfn_t gfn = READ_ONCE(bound) >> PAGE_SHIFT;

	/* Returns 0 if refuse() is to be called. */
	return !(gfn && gfn >= regs_get_kernel_argument(regs, 1) &&
		 gfn < regs_get_kernel_argument(regs, 2));
}
NOKPROBE_SYMBOL(change_starts);

/* Nothing depends on what it has begun: there is no TDX. */
static int refuse(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, -EBUSY);
	WRITE_ONCE(refused, READ_ONCE(refused) + 1);
	return 0;
}
NOKPROBE_SYMBOL(refuse);

static struct kretprobe bound_mmio = {
	.kp.symbol_name = "kvm_dmabuf_change_start",
	.entry_handler = change_starts,
	.handler = refuse,
	.maxactive = 64,
};

static int __init bound_mmio_init(void)
{
	return register_kretprobe(&bound_mmio);
}
module_init(bound_mmio_init);

static void __exit bound_mmio_exit(void)
{
	unregister_kretprobe(&bound_mmio);
	if (bound_mmio.nmissed)
		pr_warn("%d changes were missed\n", bound_mmio.nmissed);
}
module_exit(bound_mmio_exit);

MODULE_DESCRIPTION("KVM takes private MMIO for that of a bound TDI");
MODULE_LICENSE("GPL");
