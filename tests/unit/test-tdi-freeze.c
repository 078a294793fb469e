/*
 * Unit tests of the config space bits that are frozen while a TDI is bound
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/pci_regs.h"
#include "hw/vfio-private/freeze.h"

#define PM      0x40
#define EXP     0x60
#define AF      0xa0
#define AER     0x100
#define PASID   0x140
#define REBAR   0x150

static uint8_t config[4096], mask[4096];

static void add_cap(uint8_t pos, uint8_t id, uint8_t next)
{
    config[pos] = id;
    config[pos + PCI_CAP_LIST_NEXT] = next;
}

static void add_ext_cap(uint16_t pos, uint16_t id, uint16_t next)
{
    stl_le_p(config + pos, id | 1 << 16 | (uint32_t)next << 20);
}

static void setup(void)
{
    memset(config, 0, sizeof(config));
    memset(mask, 0, sizeof(mask));
    config[PCI_CAPABILITY_LIST] = PM;
    add_cap(PM, PCI_CAP_ID_PM, EXP);
    add_cap(EXP, PCI_CAP_ID_EXP, AF);
    add_cap(AF, PCI_CAP_ID_AF, 0);
    add_ext_cap(AER, PCI_EXT_CAP_ID_ERR, PASID);
    add_ext_cap(PASID, PCI_EXT_CAP_ID_PASID, REBAR);
    add_ext_cap(REBAR, PCI_EXT_CAP_ID_REBAR, 0);
    stl_le_p(config + REBAR + PCI_REBAR_CTRL, 2 << PCI_REBAR_CTRL_NBAR_SHIFT);
    vfio_private_freeze_init(config, sizeof(config), mask);
}

typedef struct WriteCase {
    const char *name;
    uint32_t addr;
    int len;
    uint32_t now, val, expected;
} WriteCase;

static const WriteCase cases[] = {
    { "mse-clear", PCI_COMMAND, 2, 0x0006, 0x0404, 0x0406 },
    { "bme-clear", PCI_COMMAND, 2, 0x0006, 0x0002, 0x0006 },
    { "command-byte", PCI_COMMAND, 1, 0x06, 0x00, 0x06 },
    { "intx-disable-allowed", PCI_COMMAND, 2, 0x0006, 0x0406, 0x0406 },
    { "status-allowed", PCI_COMMAND, 4, 0x00100006, 0xf9000000, 0xf9000006 },
    { "cache-line-allowed", PCI_CACHE_LINE_SIZE, 1, 0, 0x10, 0x10 },
    { "bist", PCI_CACHE_LINE_SIZE, 4, 0, 0x40000010, 0x00000010 },
    { "bar0", PCI_BASE_ADDRESS_0, 4, 0xfeb00000, 0xffffffff, 0xfeb00000 },
    { "bar5-byte", PCI_BASE_ADDRESS_5 + 3, 1, 0xfe, 0xff, 0xfe },
    { "rom-bar", PCI_ROM_ADDRESS, 4, 0, 0xfffff801, 0 },
    { "interrupt-line-allowed", PCI_INTERRUPT_LINE, 1, 11, 10, 10 },
    { "d3hot", PM + PCI_PM_CTRL, 2, 0x0008, 0x000b, 0x0008 },
    { "pme-allowed", PM + PCI_PM_CTRL, 2, 0x0008, 0x8108, 0x8108 },
    { "flr", EXP + PCI_EXP_DEVCTL, 2, 0x2810, 0xa810, 0x2810 },
    { "flr-upper-byte", EXP + PCI_EXP_DEVCTL + 1, 1, 0x28, 0xa8, 0x28 },
    { "extended-tag", EXP + PCI_EXP_DEVCTL, 2, 0x2910, 0x2810, 0x2910 },
    { "max-payload-allowed", EXP + PCI_EXP_DEVCTL, 2, 0x2810, 0x2830, 0x2830 },
    { "10-bit-tag", EXP + PCI_EXP_DEVCTL2, 2, 0, 0x1010, 0x0010 },
    { "link-control-allowed", EXP + PCI_EXP_LNKCTL, 2, 0, 0x40, 0x40 },
    { "af-flr", AF + PCI_AF_CTRL, 1, 0, 1, 0 },
    { "aer-allowed", AER + PCI_ERR_UNCOR_MASK, 4, 0, 0xffff, 0xffff },
    { "pasid-enable", PASID + PCI_PASID_CTRL, 2, 0, 1, 0 },
    { "beside-pasid-allowed", PASID + 8, 4, 0, 1, 1 },
    { "rebar-second", REBAR + PCI_REBAR_CTRL + 8, 4, 0x100, 0x200, 0x100 },
    { "beside-rebar-allowed", REBAR + 4 + 2 * 8, 4, 0, 1, 1 },
};

static void test_write(gconstpointer data)
{
    const WriteCase *c = data;

    setup();
    g_assert_cmphex(vfio_private_freeze(mask, c->addr, c->now, c->val, c->len),
                    ==, c->expected);
}

/* What reaches the device: "ADDR:VALUE/LEN ..." */
static GString *writes;

static void note_write(PCIDevice *pdev, uint32_t addr, uint32_t val, int len)
{
    g_string_append_printf(writes, "%x:%x/%d ", addr, val, len);
}

static void expect_writes(uint32_t addr, uint32_t val, int len,
                          const char *expected)
{
    writes = g_string_new("");
    vfio_private_freeze_write(mask, addr, val, len, note_write, NULL);
    g_assert_cmpstr(writes->str, ==, expected);
    g_string_free(writes, true);
}

/* Nothing is written back of a device that does not answer. */
static void test_blind(void)
{
    setup();
    g_assert_true(vfio_private_freeze_blind(mask, PM + PCI_PM_CTRL, 0xffff,
                                            2));
    g_assert_true(vfio_private_freeze_blind(mask, EXP + PCI_EXP_DEVCTL,
                                            UINT32_MAX, 2));
    g_assert_true(vfio_private_freeze_blind(mask, PCI_COMMAND, UINT32_MAX, 4));
    g_assert_false(vfio_private_freeze_blind(mask, PM + PCI_PM_CTRL, 0x00ff,
                                             2));
    /* Where nothing is frozen, anything may be read. */
    g_assert_false(vfio_private_freeze_blind(mask, PCI_INTERRUPT_LINE, 0xff,
                                             1));
    g_assert_false(vfio_private_freeze_blind(mask, AER + 4, UINT32_MAX, 4));
}

/* Some registers mind to be written, whatever the value. */
static void test_pieces(void)
{
    setup();
    expect_writes(PCI_COMMAND, 0x0406, 2, "4:406/2 ");
    expect_writes(PCI_BIST, 0, 1, "");
    expect_writes(PCI_BASE_ADDRESS_0, 0xfeb00000, 4, "");
    expect_writes(PCI_CACHE_LINE_SIZE, 0x00804010, 4, "c:10/1 d:40/1 e:80/1 ");
    expect_writes(PASID + PCI_PASID_CTRL, 0, 2, "");
    expect_writes(AER + PCI_ERR_UNCOR_MASK, 0xffff, 4, "108:ffff/4 ");
}

/* Lists that a device made up: no end, no place, past the end. */
static void test_bad_lists(void)
{
    int i;

    setup();
    add_cap(AF, PCI_CAP_ID_AF, PM);
    add_ext_cap(PASID, PCI_EXT_CAP_ID_PASID, AER);
    vfio_private_freeze_init(config, sizeof(config), mask);

    add_cap(AF, PCI_CAP_ID_AF, 0xfc);
    add_cap(0xfc, PCI_CAP_ID_EXP, 0xff);
    add_ext_cap(PASID, PCI_EXT_CAP_ID_PASID, 0xffc);
    add_ext_cap(0xffc, PCI_EXT_CAP_ID_PASID, 0xffc);
    vfio_private_freeze_init(config, sizeof(config), mask);

    /* Conventional PCI: no extended space to look at. */
    memset(mask, 0, sizeof(mask));
    vfio_private_freeze_init(config, PCI_CFG_SPACE_SIZE, mask);
    for (i = PCI_CFG_SPACE_SIZE; i < sizeof(mask); i++) {
        g_assert_cmphex(mask[i], ==, 0);
    }
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/tdi-freeze/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_write);
    }
    g_test_add_func("/tdi-freeze/blind", test_blind);
    g_test_add_func("/tdi-freeze/pieces", test_pieces);
    g_test_add_func("/tdi-freeze/bad-lists", test_bad_lists);
    return g_test_run();
}
