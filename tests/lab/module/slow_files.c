// SPDX-License-Identifier: GPL-2.0-only
/*
 * slow_files - makes the update of a function's files in tsm/ take its time.
 *
 * What must not come in between does, or it waits, as it has to. So it is with the
 * removal of a device once its files are gone and it is on its bus all the same.
 *
 * To be loaded in L1. Removing it is the end of it.
 */
#include <linux/array_size.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static int slow(struct kprobe *probe, struct pt_regs *regs)
{
	mdelay(4);
	return 0;
}

/* Long enough for the device to go before the second group of files is looked for */
static int slower(struct kprobe *probe, struct pt_regs *regs)
{
	mdelay(30);
	return 0;
}

static struct kprobe probes[] = {
	{ .symbol_name = "sysfs_group_visible_pci_tsm_link", .pre_handler = slower },
	{ .symbol_name = "sysfs_group_visible_pci_tsm", .pre_handler = slow },
	{ .symbol_name = "device_pm_remove", .pre_handler = slow },
};

static struct kprobe *probe_list[] = { &probes[0], &probes[1], &probes[2] };

static int __init slow_files_init(void)
{
	return register_kprobes(probe_list, ARRAY_SIZE(probe_list));
}
module_init(slow_files_init);

static void __exit slow_files_exit(void)
{
	unregister_kprobes(probe_list, ARRAY_SIZE(probe_list));
}
module_exit(slow_files_exit);

MODULE_DESCRIPTION("Updates of tsm/ take their time");
MODULE_LICENSE("GPL");
