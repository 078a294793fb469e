// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_acts - does once to the host what its user space cannot.
 *
 * Loading it with flr=BDF resets the function as drivers do, by pcie_flr() and without
 * the locks that a reset by sysfs takes. With departs=BDF the TSM goes that the device
 * is connected to, as it goes with its module or its firmware: it is not to be had
 * again before L1 boots anew, and has nothing to unload here. With sev=1 the processor
 * is one of those that have SEV to whoever asks from now on, which KVM has done by then.
 *
 * To be loaded in L1.
 */
#include <linux/cleanup.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/tsm.h>

#include <asm/cpufeature.h>

#include "../include/pci-function.h"

static char *flr;
module_param(flr, charp, 0);
MODULE_PARM_DESC(flr, "Function to reset");

static char *departs;
module_param(departs, charp, 0);
MODULE_PARM_DESC(departs, "Function whose TSM is to go");

static bool sev;
module_param(sev, bool, 0);
MODULE_PARM_DESC(sev, "Whether the processor is to have SEV");

static int reset(const char *name)
{
	struct pci_dev *pdev __free(pci_dev_put) = pci_function(name);
	int rc;

	if (!pdev)
		return -ENODEV;

	/* VFs are there as long as its SR-IOV capability says so. */
	pci_save_state(pdev);
	rc = pcie_flr(pdev);
	pci_restore_state(pdev);
	return rc;
}

static int depart(const char *name)
{
	struct pci_dev *pdev __free(pci_dev_put) = pci_function(name);

	/* Nobody else connects or disconnects it meanwhile. */
	if (!pdev || !pdev->tsm)
		return -ENODEV;

	tsm_unregister(pdev->tsm->tsm_dev);
	return 0;
}

static int __init host_acts_init(void)
{
	int rc = 0;

	if (flr)
		rc = reset(flr);
	if (!rc && departs)
		rc = depart(departs);
	if (!rc && sev)
		set_cpu_cap(&boot_cpu_data, X86_FEATURE_SEV);
	return rc;
}
module_init(host_acts_init);

static void __exit host_acts_exit(void)
{
}
module_exit(host_acts_exit);

MODULE_DESCRIPTION("What a host does once");
MODULE_LICENSE("GPL");
