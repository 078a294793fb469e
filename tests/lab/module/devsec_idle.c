// SPDX-License-Identifier: GPL-2.0-only
/*
 * devsec_idle - a TSM that manages device security state, of no device.
 *
 * What it is for is to come and to go: functions that can be TDIs have more files in
 * tsm/ as long as it is there. It locks nothing.
 *
 * To be loaded in L1. Removing it is the end of it.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/pci-tsm.h>
#include <linux/tsm.h>

static struct device *root;
static struct tsm_dev *tsm_dev;

static struct pci_tsm *idle_lock(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	return ERR_PTR(-EIO);
}

/* What follows is asked for locked functions only. */
static void idle_unlock(struct pci_tsm *tsm)
{
}

static int idle_run(struct pci_tsm *tsm)
{
	return -EIO;
}

static const void *idle_report(struct pci_tsm *tsm, size_t *len)
{
	*len = 0;
	return NULL;
}

static int idle_state(struct pci_tsm *tsm)
{
	return -EIO;
}

static struct pci_tsm_ops idle_ops = {
	.devsec_ops = {
		.lock = idle_lock,
		.unlock = idle_unlock,
		.run = idle_run,
		.report = idle_report,
		.state = idle_state,
	},
};

static int __init devsec_idle_init(void)
{
	root = root_device_register("devsec_idle");
	if (IS_ERR(root))
		return PTR_ERR(root);

	tsm_dev = tsm_register(root, &idle_ops);
	if (IS_ERR(tsm_dev)) {
		root_device_unregister(root);
		return PTR_ERR(tsm_dev);
	}
	return 0;
}
module_init(devsec_idle_init);

static void __exit devsec_idle_exit(void)
{
	tsm_unregister(tsm_dev);
	root_device_unregister(root);
}
module_exit(devsec_idle_exit);

MODULE_DESCRIPTION("A TSM that locks no device");
MODULE_LICENSE("GPL");
