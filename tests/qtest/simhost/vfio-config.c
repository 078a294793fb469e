/*
 * A simulated host for QEMU: config space of the VFIO device
 *
 * An endpoint with a PCI Express capability, which says that it can be a TDI,
 * MSI-X and Advanced Features.  Its BARs are QEMU's: VFIO has them virtual, and
 * QEMU emulates them all the same; but it asks VFIO how large the ROM is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/tdisp/tdisp.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/pci_regs.h"
#include "host.h"

#define SIM_CONFIG_SIZE 4096
#define SIM_CAP_MSIX 0x80

static uint8_t config[SIM_CONFIG_SIZE];

void sim_config_init(void)
{
    /* An ID for which nobody has a quirk. */
    stw_le_p(config + PCI_VENDOR_ID, 0x1b36);
    stw_le_p(config + PCI_DEVICE_ID, 0x0fff);
    stw_le_p(config + PCI_STATUS, PCI_STATUS_CAP_LIST);
    stw_le_p(config + PCI_CLASS_DEVICE, 0x1200);
    stl_le_p(config + PCI_BASE_ADDRESS_0, PCI_BASE_ADDRESS_MEM_TYPE_64);
    stl_le_p(config + PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_MEM_TYPE_64 |
                                          PCI_BASE_ADDRESS_MEM_PREFETCH);
    config[PCI_CAPABILITY_LIST] = SIM_CAP_EXP;

    config[SIM_CAP_EXP] = PCI_CAP_ID_EXP;
    config[SIM_CAP_EXP + PCI_CAP_LIST_NEXT] = SIM_CAP_MSIX;
    stw_le_p(config + SIM_CAP_EXP + PCI_EXP_FLAGS, 2);
    stl_le_p(config + SIM_CAP_EXP + PCI_EXP_DEVCAP,
             PCI_EXP_DEVCAP_FLR |
             (sim->no_tee_io ? 0 : TDISP_PCI_EXP_DEVCAP_TEE_IO));

    config[SIM_CAP_MSIX] = PCI_CAP_ID_MSIX;
    config[SIM_CAP_MSIX + PCI_CAP_LIST_NEXT] = SIM_CAP_AF;
    stw_le_p(config + SIM_CAP_MSIX + PCI_MSIX_FLAGS, 3);
    stl_le_p(config + SIM_CAP_MSIX + PCI_MSIX_TABLE, SIM_MSIX_TABLE);
    stl_le_p(config + SIM_CAP_MSIX + PCI_MSIX_PBA, SIM_MSIX_PBA);

    config[SIM_CAP_AF] = PCI_CAP_ID_AF;
    config[SIM_CAP_AF + PCI_AF_LENGTH] = PCI_CAP_AF_SIZEOF;
    config[SIM_CAP_AF + PCI_AF_CAP] = PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
}

static bool sim_config_command(uint16_t bit)
{
    return lduw_le_p(config + PCI_COMMAND) & bit;
}

bool sim_config_decodes(void)
{
    return sim_config_command(PCI_COMMAND_MEMORY);
}

bool sim_config_masters(void)
{
    return sim_config_command(PCI_COMMAND_MASTER);
}

int sim_config_reset(void)
{
    if (sim_tsm_bound()) {
        return -EBUSY;
    }
    stw_le_p(config + PCI_COMMAND, 0);
    return 0;
}

static bool sim_config_writable(uint32_t offset)
{
    return offset == PCI_COMMAND || offset == PCI_COMMAND + 1 ||
           offset == SIM_CAP_MSIX + PCI_MSIX_FLAGS + 1 ||
           offset == SIM_CAP_EXP + PCI_EXP_DEVCTL ||
           (offset & ~3) == PCI_ROM_ADDRESS;
}

ssize_t sim_config_access(void *buf, size_t size, off_t offset, bool write)
{
    size_t i;

    if (offset < 0 || offset + size > SIM_CONFIG_SIZE) {
        return -EINVAL;
    }
    for (i = 0; i < size; i++) {
        if (!write) {
            ((uint8_t *)buf)[i] = sim->no_answer ? 0xff : config[offset + i];
        } else if (sim_config_writable(offset + i)) {
            config[offset + i] = ((const uint8_t *)buf)[i];
        }
    }
    stl_le_p(config + PCI_ROM_ADDRESS,
             ldl_le_p(config + PCI_ROM_ADDRESS) &
             (-SIM_ROM_SIZE | PCI_ROM_ADDRESS_ENABLE));
    return size;
}
