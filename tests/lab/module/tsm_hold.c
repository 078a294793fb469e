// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsm_hold - keeps the TSM from a device, as long as it is loaded.
 *
 * All that the TSM does with the functions of a device it does one after the other,
 * by the lock of the device's security manager. This module has that lock: what is
 * wanted of the device meanwhile waits, as it would for a device that takes as long to
 * answer another request. No device may do so: the kernel gives it a second for each
 * message.
 *
 * To be loaded in L1. Removing it is the end of it.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/sched.h>

#include "../include/pci-function.h"

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "Address of the device; it is connected to a TSM");

static DECLARE_COMPLETION(held);
static struct task_struct *holder;
static struct pci_dev *pdev;

/* A thread, as whoever has taken a mutex has to release it. */
static int hold(void *data)
{
	struct mutex *lock = data;

	mutex_lock(lock);
	complete(&held);
	set_current_state(TASK_IDLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_IDLE);
	}
	__set_current_state(TASK_RUNNING);
	mutex_unlock(lock);
	return 0;
}

static int __init tsm_hold_init(void)
{
	struct pci_tsm_pf0 *pf0;

	pdev = pci_function(device);
	/* Nobody disconnects it meanwhile. */
	if (!pdev || !pdev->tsm || pdev->tsm->dsm_dev != pdev) {
		pci_dev_put(pdev);
		return -ENODEV;
	}
	pf0 = container_of(pdev->tsm, struct pci_tsm_pf0, base_tsm);

	holder = kthread_run(hold, &pf0->lock, "tsm_hold");
	if (IS_ERR(holder)) {
		pci_dev_put(pdev);
		return PTR_ERR(holder);
	}
	wait_for_completion(&held);
	return 0;
}
module_init(tsm_hold_init);

static void __exit tsm_hold_exit(void)
{
	kthread_stop(holder);
	pci_dev_put(pdev);
}
module_exit(tsm_hold_exit);

MODULE_DESCRIPTION("Has the lock of a device security manager");
MODULE_LICENSE("GPL");
