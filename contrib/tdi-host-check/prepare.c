/*
 * tdi-host-check: the commands that make a device ready
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tdi-host-check.h"

#define HOST_SYS_PCI "/sys/bus/pci"

static void host_prepare_modules(const HostCheck *hc, FILE *out)
{
    if (!host_exists(hc, HOST_SYS_PCI "/drivers/vfio-pci")) {
        fprintf(out, "modprobe vfio-pci\n");
    }
    if (!host_exists(hc, "/dev/iommu")) {
        fprintf(out, "modprobe iommufd\n");
    }
}

static void host_prepare_driver(const HostCheck *hc, const char *bdf, FILE *out)
{
    g_autofree char *driver = host_link_name(hc, HOST_SYS_PCI "/devices/%s/"
                                             "driver", bdf);

    if (!g_strcmp0(driver, "vfio-pci")) {
        return;
    }
    fprintf(out, "# %s: from %s to vfio-pci\n", bdf, driver ?: "no driver");
    fprintf(out, "echo vfio-pci > " HOST_SYS_PCI "/devices/%s/"
            "driver_override\n", bdf);
    if (driver) {
        fprintf(out, "echo %s > " HOST_SYS_PCI "/devices/%s/driver/unbind\n",
                bdf, bdf);
    }
    fprintf(out, "echo %s > " HOST_SYS_PCI "/drivers_probe\n", bdf);
}

/* A function of a device is connected along with its physical function. */
static void host_prepare_tsm(const HostCheck *hc, FILE *out)
{
    g_autoptr(GPtrArray) tsms = host_tsm_names(hc);
    g_autofree char *pf = host_link_name(hc, HOST_SYS_PCI "/devices/%s/physfn",
                                         hc->bdf);
    const char *bdf = pf ?: hc->bdf;
    g_autofree char *connected = host_read(hc, HOST_SYS_PCI "/devices/%s/tsm/"
                                           "connect", bdf);

    if (!connected) {
        fprintf(out, "# %s: no TSM knows it, a guest cannot lock it\n", bdf);
    } else if (!*connected && tsms->len) {
        fprintf(out, "# %s: let a TSM talk to it\n", bdf);
        fprintf(out, "echo %s > " HOST_SYS_PCI "/devices/%s/tsm/connect\n",
                (char *)tsms->pdata[0], bdf);
    }
}

bool host_prepare(const HostCheck *hc, FILE *out, char **why)
{
    g_autoptr(GPtrArray) others = host_group_others(hc, hc->bdf);
    PCIFacts facts;
    unsigned int i;

    *why = NULL;
    if (!host_pci_read(hc, hc->bdf, &facts)) {
        *why = g_strdup_printf("there is no device %s", hc->bdf);
    } else if (facts.class_code >> 16 == 0x06) {
        *why = g_strdup_printf("%s is a bridge: name a device below it",
                               hc->bdf);
    } else if (!host_exists(hc, HOST_SYS_PCI "/devices/%s/iommu_group",
                            hc->bdf)) {
        *why = g_strdup_printf("%s is in no IOMMU group: enable the IOMMU in "
                               "the firmware and in the kernel", hc->bdf);
    }
    if (*why) {
        return false;
    }

    fprintf(out, "# Run as root. This machine's own driver loses the device."
            "\n");
    host_prepare_modules(hc, out);
    host_prepare_driver(hc, hc->bdf, out);
    for (i = 0; i < others->len; i++) {
        host_prepare_driver(hc, g_ptr_array_index(others, i), out);
    }
    host_prepare_tsm(hc, out);
    fprintf(out, "# Then: tdi-host-check %s\n", hc->bdf);
    return true;
}
