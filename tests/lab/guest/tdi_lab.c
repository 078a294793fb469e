// SPDX-License-Identifier: GPL-2.0-only
/*
 * tdi_lab - lets the lab's guest programs make hypercalls.
 *
 * A guest turns memory and device ranges private or shared by the hypercall
 * KVM_HC_MAP_GPA_RANGE, which the hypervisor takes from ring 0 alone. This
 * module passes the arguments on as they are, bad ones included: refusing
 * them is the hypervisor's work, and the tests look at how it does that.
 *
 * A test vehicle for lab guests; it gives root a way to confuse this machine.
 */
#include <linux/fs.h>
#include <linux/kvm_para.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "../include/tdi_lab.h"

static long tdi_lab_map_gpa(struct tdi_lab_map_gpa __user *user)
{
	struct tdi_lab_map_gpa call;

	if (copy_from_user(&call, user, sizeof(call)))
		return -EFAULT;

	call.result = kvm_hypercall3(KVM_HC_MAP_GPA_RANGE, call.gpa, call.pages,
				     call.attributes);

	return put_user(call.result, &user->result);
}

static long tdi_lab_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TDI_LAB_MAP_GPA:
		return tdi_lab_map_gpa((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations tdi_lab_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = tdi_lab_ioctl,
};

static struct miscdevice tdi_lab_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdi-lab",
	.mode = 0600,
	.fops = &tdi_lab_fops,
};

static int __init tdi_lab_init(void)
{
	if (!kvm_para_available())
		return -ENODEV;

	return misc_register(&tdi_lab_misc);
}
module_init(tdi_lab_init);

static void __exit tdi_lab_exit(void)
{
	misc_deregister(&tdi_lab_misc);
}
module_exit(tdi_lab_exit);

MODULE_DESCRIPTION("Hypercalls for the guest programs of the TEE-I/O lab");
MODULE_LICENSE("GPL");
