/*
 * tdi-host-check: what sysfs says of PCI devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/pci_regs.h"
#include "tdi-host-check.h"

char *host_pci_parse_address(const char *text)
{
    unsigned int domain = 0, bus, slot, function;
    int end = -1;

    /* sscanf() would take white space and signs, too. */
    if (text[strspn(text, "0123456789abcdefABCDEF:.")]) {
        return NULL;
    }
    if (sscanf(text, "%x:%x:%x.%u%n", &domain, &bus, &slot, &function,
               &end) != 4 || end < 0 || text[end]) {
        domain = 0;
        end = -1;
        if (sscanf(text, "%x:%x.%u%n", &bus, &slot, &function, &end) != 3 ||
            end < 0 || text[end]) {
            return NULL;
        }
    }
    /* A domain may have more than 16 bits (VMD). */
    if (bus > 0xff || slot > 0x1f || function > 7) {
        return NULL;
    }
    return g_strdup_printf("%04x:%02x:%02x.%u", domain, bus, slot, function);
}

uint16_t host_pci_word(const PCIFacts *facts, unsigned int offset)
{
    return offset + 2 <= facts->config_len ?
           lduw_le_p(facts->config + offset) : 0;
}

uint32_t host_pci_long(const PCIFacts *facts, unsigned int offset)
{
    return offset + 4 <= facts->config_len ?
           ldl_le_p(facts->config + offset) : 0;
}

bool host_pci_whole(const PCIFacts *facts)
{
    return facts->config_len > PCI_STD_HEADER_SIZEOF;
}

static uint16_t host_pci_find(const PCIFacts *facts, uint8_t id)
{
    unsigned int offset, left = 48;

    if (!(host_pci_word(facts, PCI_STATUS) & PCI_STATUS_CAP_LIST)) {
        return 0;
    }
    offset = facts->config[PCI_CAPABILITY_LIST] & ~3u;
    while (offset >= PCI_STD_HEADER_SIZEOF && left--) {
        uint16_t header = host_pci_word(facts, offset);

        if ((header & 0xff) == id && header) {
            return offset;
        }
        offset = (header >> 8) & ~3u;
    }
    return 0;
}

static uint16_t host_pci_find_ext(const PCIFacts *facts, uint16_t id)
{
    unsigned int offset = PCI_CFG_SPACE_SIZE;
    unsigned int left = (PCI_CONFIG_MAX - PCI_CFG_SPACE_SIZE) / 8;

    while (offset >= PCI_CFG_SPACE_SIZE && left--) {
        uint32_t header = host_pci_long(facts, offset);

        if (header && PCI_EXT_CAP_ID(header) == id) {
            return offset;
        }
        offset = PCI_EXT_CAP_NEXT(header);
    }
    return 0;
}

/* One line a resource: first address, last address, flags. */
static void host_pci_read_bars(const HostCheck *hc, const char *bdf,
                               PCIFacts *facts)
{
    g_autofree char *text = host_read(hc, "/sys/bus/pci/devices/%s/resource",
                                      bdf);
    g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);
    int i;

    for (i = 0; i < HOST_CHECK_BARS && lines[i]; i++) {
        uint64_t first, last, flags;

        if (sscanf(lines[i], "%" SCNx64 " %" SCNx64 " %" SCNx64, &first, &last,
                   &flags) == 3 && flags) {
            facts->bar_start[i] = first;
            facts->bar_size[i] = last > first ? last - first + 1 : 0;
            facts->bar_flags[i] = flags;
        }
    }
}

bool host_pci_read(const HostCheck *hc, const char *bdf, PCIFacts *facts)
{
    g_autofree char *path = host_path(hc, "/sys/bus/pci/devices/%s/config",
                                      bdf);
    g_autofree char *class = host_read(hc, "/sys/bus/pci/devices/%s/class",
                                       bdf);
    g_autofree char *config = NULL;
    size_t len;

    memset(facts, 0, sizeof(*facts));
    if (!class || sscanf(class, "%" SCNx32, &facts->class_code) != 1) {
        return false;
    }
    if (g_file_get_contents(path, &config, &len, NULL)) {
        facts->config_len = MIN(len, sizeof(facts->config));
        memcpy(facts->config, config, facts->config_len);
    }
    host_pci_read_bars(hc, bdf, facts);
    facts->exp = host_pci_find(facts, PCI_CAP_ID_EXP);
    facts->msix = host_pci_find(facts, PCI_CAP_ID_MSIX);
    facts->doe = host_pci_find_ext(facts, PCI_EXT_CAP_ID_DOE);
    return true;
}

bool host_pci_is_bridge(const HostCheck *hc, const char *bdf)
{
    PCIFacts facts;

    return host_pci_read(hc, bdf, &facts) && facts.class_code >> 16 == 0x06;
}

GPtrArray *host_group_others(const HostCheck *hc, const char *bdf)
{
    GPtrArray *others = host_list(hc, "/sys/bus/pci/devices/%s/iommu_group/"
                                  "devices", bdf);
    unsigned int i = 0;

    while (i < others->len) {
        const char *other = g_ptr_array_index(others, i);

        if (!strcmp(other, bdf) || host_pci_is_bridge(hc, other)) {
            g_ptr_array_remove_index(others, i);
        } else {
            i++;
        }
    }
    return others;
}

/* In a guest there may be TSMs for what is assigned to it: by their parents. */
static const char *const host_guest_tsms[] = {
    "soft_devsec", "tdx_guest", "sev-guest",
};

GPtrArray *host_tsm_names(const HostCheck *hc)
{
    GPtrArray *names = host_list(hc, "/sys/class/tsm");
    unsigned int i = 0, j;

    while (i < names->len) {
        g_autofree char *parent = host_link_name(hc, "/sys/class/tsm/%s/device",
                                                 (char *)names->pdata[i]);

        for (j = 0; j < ARRAY_SIZE(host_guest_tsms); j++) {
            if (!g_strcmp0(parent, host_guest_tsms[j])) {
                break;
            }
        }
        if (j < ARRAY_SIZE(host_guest_tsms)) {
            g_ptr_array_remove_index(names, i);
        } else {
            i++;
        }
    }
    return names;
}
