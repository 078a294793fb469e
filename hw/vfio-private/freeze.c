/*
 * Config space bits that must not change while a device is bound as a TDI
 *
 * Each of these takes a TDI to ERROR (PCI Express Base Specification, 11.2), or
 * takes its MMIO away while it is bound.  A guest does such a thing by habit,
 * not by intent: a stock driver that is unbound disables the device.  So the
 * write has no effect on these bits, and the device goes on; the kernel does
 * the same.  Bits that start an action read as zero, hence writing back what is
 * there drops the action.  Of some registers the mere write counts, so a byte
 * that is frozen as a whole is not written at all.
 *
 * What else moves a TDI to ERROR is left to the device.  The table in
 * docs/devel/vfio-private.rst follows the ones here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/pci_regs.h"
#include "freeze.h"

#define CAPS_MAX        48      /* no list of them can be longer */
#define EXT_CAPS_MAX    960

/* Bits of Device Control and Device Control 2 that pci_regs.h may not have */
#define DEVCTL_BITS     (PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM | \
                         PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_BCR_FLR)
#define DEVCTL2_10BIT_TAG_REQ_EN 0x1000

/**
 * struct FrozenBits - one register
 * @id: capability; 0: the header
 * @offset: bytes from the capability
 * @size: bytes that are frozen if @bits is 0
 * @bits: frozen bits of a 16-bit register
 */
typedef struct FrozenBits {
    uint16_t id;
    uint8_t offset;
    uint8_t size;
    uint16_t bits;
} FrozenBits;

static const FrozenBits header[] = {
    { 0, PCI_COMMAND, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER },
    { 0, PCI_BIST, 1, 0 },
    { 0, PCI_BASE_ADDRESS_0, 24, 0 },
    { 0, PCI_ROM_ADDRESS, 4, 0 },
};

static const FrozenBits caps[] = {
    { PCI_CAP_ID_PM, PCI_PM_CTRL, 0, PCI_PM_CTRL_STATE_MASK },
    { PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, 0, DEVCTL_BITS },
    { PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, 0, DEVCTL2_10BIT_TAG_REQ_EN },
    { PCI_CAP_ID_AF, PCI_AF_CTRL, 1, 0 },
};

/* Behind the header of the capability; 0: it says itself how long it is. */
static const FrozenBits ext_caps[] = {
    { PCI_EXT_CAP_ID_ARI, 4, PCI_EXT_CAP_ARI_SIZEOF - 4, 0 },
    { PCI_EXT_CAP_ID_SRIOV, 4, PCI_EXT_CAP_SRIOV_SIZEOF - 4, 0 },
    { PCI_EXT_CAP_ID_MCAST, 4, PCI_EXT_CAP_MCAST_ENDPOINT_SIZEOF - 4, 0 },
    { PCI_EXT_CAP_ID_PRI, 4, PCI_EXT_CAP_PRI_SIZEOF - 4, 0 },
    { PCI_EXT_CAP_ID_PASID, 4, PCI_EXT_CAP_PASID_SIZEOF - 4, 0 },
    { PCI_EXT_CAP_ID_REBAR, 4, 0, 0 },
    { PCI_EXT_CAP_ID_VF_REBAR, 4, 0, 0 },
};

/* Two double words for each BAR, whose number is in the first one's control. */
static uint32_t rebar_size(const uint8_t *config, uint32_t base, uint32_t size)
{
    uint32_t nr;

    if (base + PCI_REBAR_CTRL + 4 > size) {
        return 0;
    }
    nr = (ldl_le_p(config + base + PCI_REBAR_CTRL) & PCI_REBAR_CTRL_NBAR_MASK)
         >> PCI_REBAR_CTRL_NBAR_SHIFT;
    return nr * 8;
}

static void freeze_bits(const FrozenBits *frozen, const uint8_t *config,
                        uint32_t base, uint32_t size, uint8_t *mask)
{
    uint32_t offset = base + frozen->offset;
    uint32_t bytes = frozen->bits ? sizeof(uint16_t) : frozen->size;

    if (!bytes) {
        bytes = rebar_size(config, base, size);
    }
    if (offset + bytes > size) {
        return;
    }
    if (frozen->bits) {
        stw_le_p(mask + offset, lduw_le_p(mask + offset) | frozen->bits);
    } else {
        memset(mask + offset, 0xff, bytes);
    }
}

static void freeze_cap(const FrozenBits *table, size_t nr, uint16_t id,
                       const uint8_t *config, uint32_t base, uint32_t size,
                       uint8_t *mask)
{
    size_t i;

    for (i = 0; i < nr; i++) {
        if (table[i].id == id) {
            freeze_bits(&table[i], config, base, size, mask);
        }
    }
}

void vfio_private_freeze_init(const uint8_t *config, uint32_t size,
                              uint8_t *mask)
{
    uint32_t pos, nr;

    freeze_cap(header, ARRAY_SIZE(header), 0, config, 0, size, mask);

    pos = config[PCI_CAPABILITY_LIST];
    for (nr = 0; pos >= PCI_STD_HEADER_SIZEOF && nr < CAPS_MAX; nr++) {
        pos &= ~3;
        freeze_cap(caps, ARRAY_SIZE(caps), config[pos], config, pos, size,
                   mask);
        pos = config[pos + PCI_CAP_LIST_NEXT];
    }

    pos = PCI_CFG_SPACE_SIZE;
    for (nr = 0; pos >= PCI_CFG_SPACE_SIZE && pos + 4 <= size &&
         nr < EXT_CAPS_MAX; nr++) {
        uint32_t cap = ldl_le_p(config + pos);

        freeze_cap(ext_caps, ARRAY_SIZE(ext_caps), PCI_EXT_CAP_ID(cap), config,
                   pos, size, mask);
        pos = PCI_EXT_CAP_NEXT(cap);
    }
}

uint32_t vfio_private_freeze(const uint8_t *mask, uint32_t addr, uint32_t now,
                             uint32_t val, int len)
{
    uint32_t frozen = 0;

    memcpy(&frozen, mask + addr, len);
    frozen = le32_to_cpu(frozen);
    return (val & ~frozen) | (now & frozen);
}

bool vfio_private_freeze_blind(const uint8_t *mask, uint32_t addr,
                               uint32_t now, int len)
{
    uint32_t ones = MAKE_64BIT_MASK(0, 8 * len);
    uint32_t frozen = 0;

    memcpy(&frozen, mask + addr, len);
    return frozen && (now & ones) == ones;
}

void vfio_private_freeze_write(const uint8_t *mask, uint32_t addr,
                               uint32_t val, int len,
                               VFIOPrivateWriteFn *write, PCIDevice *pdev)
{
    int i;

    if (!memchr(mask + addr, 0xff, len)) {
        write(pdev, addr, val, len);
        return;
    }
    for (i = 0; i < len; i++) {
        if (mask[addr + i] != 0xff) {
            write(pdev, addr + i, val >> (8 * i) & 0xff, 1);
        }
    }
}
