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
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/kvm_para.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/set_memory.h>
#include <linux/uaccess.h>

#include "../include/tdi_lab.h"

static void *tdi_lab_pages;

static long tdi_lab_map_gpa(struct tdi_lab_map_gpa __user *user)
{
	struct tdi_lab_map_gpa call;

	if (copy_from_user(&call, user, sizeof(call)))
		return -EFAULT;

	call.result = kvm_hypercall3(KVM_HC_MAP_GPA_RANGE, call.gpa, call.pages,
				     call.attributes);

	return put_user(call.result, &user->result);
}

static long tdi_lab_hypercall(struct tdi_lab_hypercall __user *user)
{
	struct tdi_lab_hypercall call;

	if (copy_from_user(&call, user, sizeof(call)))
		return -EFAULT;

	call.result = kvm_hypercall4(call.nr, call.args[0], call.args[1],
				     call.args[2], call.args[3]);

	return put_user(call.result, &user->result);
}

/* The buffer that programs map to make requests: its address in the guest */
static long tdi_lab_buffer(__u64 __user *user)
{
	return put_user((__u64)virt_to_phys(tdi_lab_pages), user);
}

static bool tdi_lab_interrupted;

static void tdi_lab_interrupt(struct irq_work *work)
{
	WRITE_ONCE(tdi_lab_interrupted, true);
}

static DEFINE_IRQ_WORK(tdi_lab_work, tdi_lab_interrupt);

/* Whether the interrupt comes within a few instructions */
static bool tdi_lab_await(void)
{
	for (int i = 0; i < 1000 && !READ_ONCE(tdi_lab_interrupted); i++)
		cpu_relax();

	return READ_ONCE(tdi_lab_interrupted);
}

static void tdi_lab_write_cr8(unsigned long priority)
{
	asm volatile("mov %0, %%cr8" : : "r" (priority) : "memory");
}

/*
 * An interrupt to itself that has to wait, so that the hypervisor asks for an exit
 * as soon as it can be taken; then writes to CR8, which it does not intercept.
 */
static long tdi_lab_cr8(void)
{
	long result = 0;

	local_irq_disable();
	WRITE_ONCE(tdi_lab_interrupted, false);
	irq_work_queue(&tdi_lab_work);
	tdi_lab_write_cr8(0);
	local_irq_enable();
	if (!tdi_lab_await())
		return TDI_LAB_CR8_LOST_CLI;

	local_irq_disable();
	WRITE_ONCE(tdi_lab_interrupted, false);
	irq_work_queue(&tdi_lab_work);
	tdi_lab_write_cr8(15);
	local_irq_enable();
	if (tdi_lab_await())
		result = TDI_LAB_CR8_EARLY;
	tdi_lab_write_cr8(0);
	if (!tdi_lab_await())
		result = TDI_LAB_CR8_LOST;

	return result;
}

/*
 * Shared it stays, as its owner may end at any time. So that nobody else takes it for
 * private memory, it is never given out again: it is a page or two.
 */
static long tdi_lab_share(const __u64 __user *user)
{
	__u64 gpa;
	int rc;

	if (get_user(gpa, user))
		return -EFAULT;
	if (!pfn_valid(PHYS_PFN(gpa)))
		return -EINVAL;

	rc = set_memory_decrypted((unsigned long)phys_to_virt(gpa), 1);
	if (!rc)
		get_page(pfn_to_page(PHYS_PFN(gpa)));
	return rc;
}

static int tdi_lab_mmap(struct file *file, struct vm_area_struct *vma)
{
	return vm_iomap_memory(vma, virt_to_phys(tdi_lab_pages),
			       TDI_LAB_BUFFER_SIZE);
}

static long tdi_lab_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TDI_LAB_MAP_GPA:
		return tdi_lab_map_gpa((void __user *)arg);
	case TDI_LAB_HYPERCALL:
		return tdi_lab_hypercall((void __user *)arg);
	case TDI_LAB_BUFFER:
		return tdi_lab_buffer((void __user *)arg);
	case TDI_LAB_CR8:
		return tdi_lab_cr8();
	case TDI_LAB_SHARE:
		return tdi_lab_share((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations tdi_lab_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = tdi_lab_ioctl,
	.mmap = tdi_lab_mmap,
};

static struct miscdevice tdi_lab_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tdi-lab",
	.mode = 0600,
	.fops = &tdi_lab_fops,
};

/* The VMM reads and writes the buffer, so it is shared. */
static int tdi_lab_buffer_alloc(void)
{
	tdi_lab_pages = alloc_pages_exact(TDI_LAB_BUFFER_SIZE, GFP_KERNEL);
	if (!tdi_lab_pages)
		return -ENOMEM;

	if (set_memory_decrypted((unsigned long)tdi_lab_pages,
				 TDI_LAB_BUFFER_SIZE >> PAGE_SHIFT))
		return -EIO;

	memset(tdi_lab_pages, 0, TDI_LAB_BUFFER_SIZE);
	return 0;
}

static void tdi_lab_buffer_free(void)
{
	if (!set_memory_encrypted((unsigned long)tdi_lab_pages,
				  TDI_LAB_BUFFER_SIZE >> PAGE_SHIFT))
		free_pages_exact(tdi_lab_pages, TDI_LAB_BUFFER_SIZE);
}

static int __init tdi_lab_init(void)
{
	int rc;

	if (!kvm_para_available())
		return -ENODEV;

	rc = tdi_lab_buffer_alloc();
	if (rc)
		return rc;

	rc = misc_register(&tdi_lab_misc);
	if (rc)
		tdi_lab_buffer_free();
	return rc;
}
module_init(tdi_lab_init);

static void __exit tdi_lab_exit(void)
{
	misc_deregister(&tdi_lab_misc);
	tdi_lab_buffer_free();
}
module_exit(tdi_lab_exit);

MODULE_DESCRIPTION("Hypercalls for the guest programs of the TEE-I/O lab");
MODULE_LICENSE("GPL");
