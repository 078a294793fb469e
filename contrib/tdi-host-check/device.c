/*
 * tdi-host-check: the checks of a device that need not open it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/linux/pci_regs.h"
#include "qemu/bitops.h"
#include "hw/tdisp/tdisp.h"
#include "tdi-host-check.h"

/* Which devices QEMU only drives with quirks that access their BARs. */
static const struct {
    uint16_t vendor;
    uint16_t device;
    bool vga;
} host_quirks[] = {
    { 0x1002, 0, true },
    { 0x10de, 0, true },
    { 0x8086, 0, true },
    { 0x10ec, 0x8168, false },
};

static bool host_has_quirk(const PCIFacts *facts)
{
    uint16_t vendor = host_pci_word(facts, PCI_VENDOR_ID);
    uint16_t device = host_pci_word(facts, PCI_DEVICE_ID);
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(host_quirks); i++) {
        if (host_quirks[i].vendor == vendor &&
            (!host_quirks[i].device || host_quirks[i].device == device) &&
            (!host_quirks[i].vga || facts->class_code >> 8 == 0x0300)) {
            return true;
        }
    }
    return false;
}

static void host_check_kind(HostCheck *hc, const PCIFacts *facts)
{
    uint16_t vendor = host_pci_word(facts, PCI_VENDOR_ID);
    uint16_t device = host_pci_word(facts, PCI_DEVICE_ID);

    if (facts->config_len < PCI_STD_HEADER_SIZEOF || vendor == UINT16_MAX) {
        host_add(hc, "device", true, HOST_FAIL,
                 g_strdup("reset or replug it"), "the device does not answer");
    } else if (facts->class_code >> 16 == 0x06) {
        host_add(hc, "device", true, HOST_FAIL,
                 g_strdup("name a device below it"),
                 "%04x:%04x is a bridge", vendor, device);
    } else if (host_has_quirk(facts)) {
        host_add(hc, "device", true, HOST_FAIL,
                 g_strdup("this device works with private=off only"),
                 "%04x:%04x, class %06x: QEMU has to access its BARs (device "
                 "quirk)", vendor, device, facts->class_code);
    } else {
        host_add(hc, "device", true, HOST_PASS, NULL, "%04x:%04x, class %06x",
                 vendor, device, facts->class_code);
    }
}

/* Drivers that leave the DMA of a device to somebody else. */
static bool host_driver_is_harmless(const char *driver)
{
    return !driver || !strcmp(driver, "vfio-pci") ||
           !strcmp(driver, "pci-stub");
}

static void host_check_group(HostCheck *hc)
{
    g_autofree char *group = host_link_name(hc, "/sys/bus/pci/devices/%s/"
                                            "iommu_group", hc->bdf);
    g_autoptr(GPtrArray) others = host_group_others(hc, hc->bdf);
    g_autofree char *list = host_join(others, "none");
    const char *used = NULL;
    unsigned int i;

    for (i = 0; i < others->len; i++) {
        const char *other = g_ptr_array_index(others, i);
        g_autofree char *driver = host_link_name(hc, "/sys/bus/pci/devices/"
                                                 "%s/driver", other);

        if (!host_driver_is_harmless(driver)) {
            used = other;
        }
    }
    if (!group) {
        host_add(hc, "iommu-group", true, HOST_FAIL,
                 g_strdup("enable the IOMMU, see check iommu"),
                 "the device is in no IOMMU group");
    } else if (used) {
        host_add(hc, "iommu-group", true, HOST_FAIL,
                 g_strdup_printf("unbind %s from its driver too, or plug the "
                                 "device in elsewhere; tdi-host-check "
                                 "--prepare %s", used, hc->bdf),
                 "group %s is shared with %s", group, list);
    } else if (others->len) {
        host_add(hc, "iommu-group", true, HOST_WARN,
                 g_strdup("assign them to the same guest, or to none"),
                 "group %s is shared with %s, which no driver uses", group,
                 list);
    } else {
        host_add(hc, "iommu-group", true, HOST_PASS, NULL,
                 "alone in group %s", group);
    }
}

/* TEE-IO and DOE of the function that answers for this one: function 0. */
static bool host_read_function0(const HostCheck *hc, PCIFacts *facts)
{
    g_autofree char *pf = host_link_name(hc, "/sys/bus/pci/devices/%s/physfn",
                                         hc->bdf);
    g_autofree char *function0 = g_strdup(pf ?: hc->bdf);

    function0[strlen(function0) - 1] = '0';
    return host_pci_read(hc, function0, facts);
}

static bool host_check_tee_io(HostCheck *hc, const PCIFacts *facts)
{
    bool tee_io = facts->exp &&
                  (host_pci_long(facts, facts->exp + PCI_EXP_DEVCAP) &
                   TDISP_PCI_EXP_DEVCAP_TEE_IO);

    if (!host_pci_whole(facts)) {
        host_add(hc, "tee-io", true, HOST_WARN, g_strdup("run this as root"),
                 "not checked: capabilities cannot be read");
    } else if (tee_io) {
        host_add(hc, "tee-io", true, HOST_PASS, NULL,
                 "the device can be a TEE device interface");
    } else {
        host_add(hc, "tee-io", true, HOST_WARN,
                 g_strdup("use a device with TEE-I/O, or live without "
                          "attestation: the host's software still cannot map "
                          "its BARs"),
                 "Device Capabilities lack the TEE-IO bit: a guest cannot lock "
                 "the device");
    }
    return tee_io;
}

static void host_check_doe(HostCheck *hc, bool tee_io)
{
    PCIFacts facts;
    bool found = host_read_function0(hc, &facts);

    if (found && facts.doe) {
        host_add(hc, "doe", true, HOST_PASS, NULL,
                 "mailbox at config 0x%x of function 0", facts.doe);
    } else if (found && !host_pci_whole(&facts)) {
        host_add(hc, "doe", true, HOST_WARN, g_strdup("run this as root"),
                 "not checked: capabilities cannot be read");
    } else {
        host_add(hc, "doe", true, tee_io ? HOST_FAIL : HOST_WARN,
                 tee_io ? g_strdup("update the firmware of the device; in a "
                                   "virtual machine assign function 0 as well")
                        : NULL,
                 "function 0 has no DOE mailbox: a TSM cannot talk to it");
    }
}

static void host_check_connect(HostCheck *hc, bool tee_io)
{
    g_autoptr(GPtrArray) tsms = host_tsm_names(hc);
    g_autofree char *tsm = host_read(hc, "/sys/bus/pci/devices/%s/tsm/connect",
                                     hc->bdf);
    g_autofree char *dsm = host_read(hc, "/sys/bus/pci/devices/%s/tsm/dsm",
                                     hc->bdf);
    g_autofree char *bound = host_read(hc, "/sys/bus/pci/devices/%s/tsm/bound",
                                       hc->bdf);

    if (tsm && *tsm) {
        host_add(hc, "tsm-connect", true, HOST_PASS, NULL,
                 "connected to %s%s", tsm,
                 bound && *bound ? ", and bound by a guest" : "");
    } else if (dsm && *dsm) {
        host_add(hc, "tsm-connect", true, HOST_PASS, NULL,
                 "connected through %s", dsm);
    } else if (tsm && tsms->len) {
        host_add(hc, "tsm-connect", true, HOST_FAIL,
                 g_strdup_printf("echo %s > /sys/bus/pci/devices/%s/tsm/"
                                 "connect", (char *)tsms->pdata[0], hc->bdf),
                 "not connected to a TSM: a guest cannot lock the device");
    } else {
        host_add(hc, "tsm-connect", true, HOST_WARN,
                 !tee_io ? NULL : g_strdup(!tsms->len ? "see check tsm" :
                     "connect its physical function or function 0; see dmesg "
                     "for what the TSM says of it"),
                 "the TSM does not know the device: a guest cannot lock it");
    }
}

void host_check_device(HostCheck *hc)
{
    PCIFacts facts;
    bool tee_io;

    if (!host_pci_read(hc, hc->bdf, &facts)) {
        host_add(hc, "device", true, HOST_FAIL,
                 g_strdup("ls /sys/bus/pci/devices lists them"),
                 "there is no such device");
        return;
    }
    host_check_kind(hc, &facts);
    host_check_group(hc);
    host_check_vfio(hc, &facts);
    host_check_bars(hc, &facts);
    tee_io = host_check_tee_io(hc, &facts);
    host_check_doe(hc, tee_io);
    host_check_connect(hc, tee_io);
}
