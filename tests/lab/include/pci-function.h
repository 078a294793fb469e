/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the lab's kernel modules: functions by what a script calls them.
 */
#ifndef LAB_PCI_FUNCTION_H
#define LAB_PCI_FUNCTION_H

#include <linux/kernel.h>
#include <linux/pci.h>

/* pci_function: by its address. Returns it with a reference, or NULL. */
static inline struct pci_dev *pci_function(const char *name)
{
	unsigned int domain, bus, slot, fn;

	if (!name || sscanf(name, "%x:%x:%x.%x", &domain, &bus, &slot, &fn) != 4)
		return NULL;
	return pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, fn));
}

#endif /* LAB_PCI_FUNCTION_H */
