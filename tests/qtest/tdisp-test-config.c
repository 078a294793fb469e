/*
 * TDISP: what config space refuses to LOCK, and what breaks a locked TDI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define MSE_BME     (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

/* Where a register is: in the header, or in a capability */
typedef struct Write {
    const char *name;
    uint16_t cap;       /* 0: header, or a capability's id */
    bool ext;           /* an extended one */
    uint16_t reg;
    uint8_t len;
    uint32_t clear;     /* new = (old & ~clear) | set */
    uint32_t set;
} Write;

static const Write breaking[] = {
    { "MSE cleared", 0, false, PCI_COMMAND, 2, PCI_COMMAND_MEMORY, 0 },
    { "MSE cleared", 0, false, PCI_COMMAND, 1, PCI_COMMAND_MEMORY, 0 },
    { "BME cleared", 0, false, PCI_COMMAND, 2, PCI_COMMAND_MASTER, 0 },
    { "BME cleared", 0, false, PCI_COMMAND, 4, PCI_COMMAND_MASTER, 0 },
    { "BAR written", 0, false, PCI_BASE_ADDRESS_0, 4, 0, 0 },
    { "BAR written", 0, false, PCI_BASE_ADDRESS_3, 4, 0, 0 },
    { "BAR written", 0, false, PCI_BASE_ADDRESS_5, 1, 0, 0xff },
    { "ROM BAR written", 0, false, PCI_ROM_ADDRESS, 4, 0, 0 },
    { "BIST written", 0, false, PCI_BIST, 1, 0, PCI_BIST_START },
    { "FLR", PCI_CAP_ID_EXP, false, PCI_EXP_DEVCTL, 2, 0,
      PCI_EXP_DEVCTL_BCR_FLR },
    { "FLR", PCI_CAP_ID_EXP, false, PCI_EXP_DEVCTL + 1, 1, 0, 0x80 },
    { "power state changed", PCI_CAP_ID_PM, false, PCI_PM_CTRL, 2, 0, 3 },
    { "Device Control changed", PCI_CAP_ID_EXP, false, PCI_EXP_DEVCTL, 2, 0,
      PCI_EXP_DEVCTL_EXT_TAG },
    { "Device Control changed", PCI_CAP_ID_EXP, false, PCI_EXP_DEVCTL, 2, 0,
      PCI_EXP_DEVCTL_NOSNOOP_EN },
    { "ARI written", PCI_EXT_CAP_ID_ARI, true, PCI_ARI_CTRL, 2, 0, 0 },
    { "SR-IOV written", PCI_EXT_CAP_ID_SRIOV, true, PCI_SRIOV_CTRL, 2, 0, 0 },
    { "SR-IOV written", PCI_EXT_CAP_ID_SRIOV, true, PCI_SRIOV_NUM_VF, 2, 0,
      2 },
    { "SR-IOV written", PCI_EXT_CAP_ID_SRIOV, true, PCI_SRIOV_BAR, 4, 0, 0 },
};

static const Write allowed[] = {
    { "same command", 0, false, PCI_COMMAND, 2, 0, MSE_BME },
    { "INTx off", 0, false, PCI_COMMAND, 2, 0, PCI_COMMAND_INTX_DISABLE },
    { "SERR", 0, false, PCI_COMMAND, 2, 0, PCI_COMMAND_SERR },
    { "status", 0, false, PCI_STATUS, 2, 0, 0xffff },
    { "cache line", 0, false, PCI_CACHE_LINE_SIZE, 1, 0, 16 },
    { "latency", 0, false, PCI_LATENCY_TIMER, 1, 0, 64 },
    { "interrupt line", 0, false, PCI_INTERRUPT_LINE, 1, 0, 11 },
    { "vendor id", 0, false, PCI_VENDOR_ID, 4, 0, 0 },
    { "MSI-X enable", PCI_CAP_ID_MSIX, false, PCI_MSIX_FLAGS, 2, 0,
      PCI_MSIX_FLAGS_ENABLE },
    { "MSI-X mask", PCI_CAP_ID_MSIX, false, PCI_MSIX_FLAGS, 2, 0,
      PCI_MSIX_FLAGS_MASKALL },
    { "error reporting", PCI_CAP_ID_EXP, false, PCI_EXP_DEVCTL, 2, 0,
      PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_URRE },
    { "device status", PCI_CAP_ID_EXP, false, PCI_EXP_DEVSTA, 2, 0, 0xf },
    { "PME status", PCI_CAP_ID_PM, false, PCI_PM_CTRL, 2, 0, 0x8000 },
    { "link control", PCI_CAP_ID_EXP, false, PCI_EXP_LNKCTL, 2, 0, 0x40 },
    { "DOE", 0x2e, true, 0x0c, 4, 0, 2 },
};

static uint16_t place(QTdisp *d, const Write *w)
{
    uint16_t cap = 0;

    if (w->cap) {
        cap = w->ext ? qtdisp_find_ext_cap(d, d->rid, w->cap)
                     : qtdisp_find_cap(d, d->rid, w->cap);
        g_assert_cmpuint(cap, !=, 0);
    }
    return cap + w->reg;
}

static void do_write(QTdisp *d, const Write *w)
{
    uint16_t reg = place(d, w);
    uint32_t old = qtdisp_cfg_readl(d, d->rid, reg & ~3) >> 8 * (reg & 3);
    uint32_t val = (old & ~w->clear) | w->set;

    switch (w->len) {
    case 1:
        qtdisp_cfg_writeb(d, d->rid, reg, val);
        break;
    case 2:
        qtdisp_cfg_writew(d, d->rid, reg, val);
        break;
    default:
        qtdisp_cfg_writel(d, d->rid, reg, val);
        break;
    }
}

/* Back to a device that can be locked, whatever the write did */
static void restore(QTdisp *d)
{
    uint16_t pm = qtdisp_find_cap(d, d->rid, PCI_CAP_ID_PM);
    uint16_t exp = qtdisp_find_cap(d, d->rid, PCI_CAP_ID_EXP);

    qtdisp_cfg_writew(d, d->rid, pm + PCI_PM_CTRL, 0);
    qtdisp_cfg_writew(d, d->rid, exp + PCI_EXP_DEVCTL, 0);
    qtdisp_map(d);
}

static void test_every_cause_of_error(void)
{
    QTdisp *d = qtdisp_start_testdev(",sriov-vfs=4");
    uint64_t errors = 0;

    for (size_t i = 0; i < ARRAY_SIZE(breaking); i++) {
        for (uint8_t state = TDISP_STATE_CONFIG_LOCKED;
             state <= TDISP_STATE_RUN; state++) {
            g_autofree char *reason = NULL;

            g_test_message("%s in state %u", breaking[i].name, state);
            qtdisp_go(d, state);
            do_write(d, &breaking[i]);
            g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_ERROR);
            reason = qtdisp_get_str(d, "reason");
            g_assert_cmpstr(reason, ==, breaking[i].name);
            g_assert_cmpuint(qtdisp_get_uint(d, "errors"), ==, ++errors);

            /* Only STOP leaves ERROR, and the same LOCK works again. */
            restore(d);
            g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_ERROR);
            g_assert_cmphex(qtdisp_lock(d, NULL), ==,
                            TDISP_ERR_INVALID_INTERFACE_STATE);
        }
    }
    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_quit(d);
}

/* Without a lock the same writes are nobody's business. */
static void test_breaking_writes_while_unlocked(void)
{
    QTdisp *d = qtdisp_start_testdev(",sriov-vfs=4");

    for (size_t i = 0; i < ARRAY_SIZE(breaking); i++) {
        do_write(d, &breaking[i]);
        g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
        restore(d);
    }
    g_assert_cmpuint(qtdisp_get_uint(d, "errors"), ==, 0);
    qtdisp_quit(d);
}

static void test_allowed_writes(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        qtdisp_go(d, TDISP_STATE_RUN);
        g_test_message("%s", allowed[i].name);
        do_write(d, &allowed[i]);
        g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_RUN);
    }
    qtdisp_quit(d);
}

/* The write itself succeeds (TDISP 11.2). */
static void test_breaking_write_takes_effect(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_0, QTDISP_BAR0 + 0x100000);
    g_assert_cmphex(qtdisp_cfg_readl(d, d->rid, PCI_BASE_ADDRESS_0) & ~0xf, ==,
                    QTDISP_BAR0 + 0x100000);

    /* The gates moved with it. */
    d->bar0 = QTDISP_BAR0 + 0x100000;
    qtdisp_t(d, true);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_ID), ==, 0xffffffff);
    g_assert_cmphex(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_STATE), ==,
                    TDISP_STATE_ERROR);
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_ID), ==, TDI_TESTDEV_ID_VALUE);
    qtdisp_quit(d);
}

static void test_locked_msix(void)
{
    const Write writes[] = { allowed[8], allowed[9] };
    QTdisp *d = qtdisp_start_testdev("");
    TdispLockReq req = { .flags = cpu_to_le16(TDISP_LOCK_MSIX) };

    for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
        g_assert_cmphex(qtdisp_lock_flags(d, &req, NULL), ==, 0);
        do_write(d, &writes[i]);
        g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_ERROR);
        g_assert_cmphex(qtdisp_stop(d), ==, 0);
    }
    /* As it is now, enabled and masked, it stays. */
    g_assert_cmphex(qtdisp_lock_flags(d, &req, NULL), ==, 0);
    do_write(d, &writes[0]);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_LOCKED);
    qtdisp_quit(d);
}

static void expect_refused(QTdisp *d)
{
    g_assert_cmphex(qtdisp_lock(d, NULL), ==, TDISP_ERR_INVALID_DEVICE_CONFIG);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
}

static void expect_locks(QTdisp *d)
{
    g_assert_cmphex(qtdisp_lock(d, NULL), ==, 0);
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
}

static void test_lock_refuses_overlapping_bars(void)
{
    QTdisp *d = qtdisp_start_testdev(",sriov-vfs=4");
    QTdisp *vf = qtdisp_vf(d, 4, 0);
    uint16_t cap = qtdisp_find_ext_cap(d, d->rid, PCI_EXT_CAP_ID_SRIOV);

    expect_locks(d);
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_2, QTDISP_BAR0);
    expect_refused(d);
    expect_refused(vf);
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_2, QTDISP_BAR2);
    expect_locks(d);

    /* The end of the VFs' BAR 0 against the BAR 2 of the PF */
    qtdisp_cfg_writel(d, d->rid, cap + PCI_SRIOV_BAR,
                      QTDISP_BAR2 - 3 * TDI_TESTDEV_REG_BAR_SIZE);
    expect_refused(d);
    qtdisp_cfg_writel(d, d->rid, cap + PCI_SRIOV_BAR,
                      QTDISP_BAR2 - 4 * TDI_TESTDEV_REG_BAR_SIZE);
    expect_locks(d);
    expect_locks(vf);

    /* Past the end of the address space */
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_0, 0xffffffff);
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_1, 0xffffffff);
    expect_refused(d);
    qtdisp_free_vf(vf);
    qtdisp_quit(d);
}

static void test_lock_refuses_cache_line_mismatch(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    TdispLockReq wide = { .flags = cpu_to_le16(TDISP_LOCK_CACHE_LINE_128) };

    qtdisp_cfg_writeb(d, d->rid, PCI_CACHE_LINE_SIZE, 32);
    expect_refused(d);
    g_assert_cmphex(qtdisp_lock_flags(d, &wide, NULL), ==, 0);
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    qtdisp_cfg_writeb(d, d->rid, PCI_CACHE_LINE_SIZE, 16);
    expect_locks(d);
    g_assert_cmphex(qtdisp_lock_flags(d, &wide, NULL), ==,
                    TDISP_ERR_INVALID_DEVICE_CONFIG);
    qtdisp_quit(d);
}

static void test_lock_refuses_power_state(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint16_t pm = qtdisp_find_cap(d, d->rid, PCI_CAP_ID_PM);

    qtdisp_cfg_writew(d, d->rid, pm + PCI_PM_CTRL, 3);
    expect_refused(d);
    qtdisp_cfg_writew(d, d->rid, pm + PCI_PM_CTRL, 0);
    expect_locks(d);
    qtdisp_quit(d);
}

static void test_lock_refuses_sriov_page_size(void)
{
    QTdisp *d = qtdisp_start_testdev(",sriov-vfs=4");
    uint16_t reg = qtdisp_find_ext_cap(d, d->rid, PCI_EXT_CAP_ID_SRIOV) +
                   PCI_SRIOV_SYS_PGSIZE;

    qtdisp_cfg_writel(d, d->rid, reg, 0x3);
    expect_refused(d);
    qtdisp_cfg_writel(d, d->rid, reg, 0);
    expect_refused(d);
    qtdisp_cfg_writel(d, d->rid, reg, 0x10);
    expect_locks(d);
    qtdisp_quit(d);
}

/* MSE and BME are the host's duty before LOCK, not the device's check. */
static void test_lock_without_decoding(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    qtdisp_cfg_writew(d, d->rid, PCI_COMMAND, 0);
    g_assert_cmphex(qtdisp_lock(d, NULL), ==, 0);
    qtdisp_cfg_writew(d, d->rid, PCI_COMMAND, MSE_BME);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_LOCKED);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_ID), ==, 0xffffffff);
    qtdisp_quit(d);
}

/* Another requester ID is an end to trust, in both states and by any access. */
static void test_renumbered(void)
{
    QTdisp *d = qtdisp_start_behind("tdi-testdev,tdisp=on,x-tdisp-clear=on", 1);

    for (uint8_t state = TDISP_STATE_CONFIG_LOCKED; state <= TDISP_STATE_RUN;
         state++) {
        g_autofree char *reason = NULL;

        qtdisp_go(d, state);
        qtdisp_set_bus(d, 2);
        g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_ERROR);
        reason = qtdisp_get_str(d, "reason");
        g_assert_cmpstr(reason, ==, "requester ID changed");
        g_assert_cmphex(qtdisp_stop(d), ==, 0);
        /* It can be locked under its new one. */
        qtdisp_go(d, state);
        g_assert_cmphex(qtdisp_stop(d), ==, 0);
        qtdisp_set_bus(d, 1);
        g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
    }
    qtdisp_quit(d);
}

void tdisp_test_add_config(void)
{
    qtest_add_func("/tdisp/config/every-cause-of-error",
                   test_every_cause_of_error);
    qtest_add_func("/tdisp/config/breaking-writes-while-unlocked",
                   test_breaking_writes_while_unlocked);
    qtest_add_func("/tdisp/config/allowed-writes", test_allowed_writes);
    qtest_add_func("/tdisp/config/renumbered", test_renumbered);
    qtest_add_func("/tdisp/config/breaking-write-takes-effect",
                   test_breaking_write_takes_effect);
    qtest_add_func("/tdisp/config/locked-msix", test_locked_msix);
    qtest_add_func("/tdisp/config/lock-refuses-overlapping-bars",
                   test_lock_refuses_overlapping_bars);
    qtest_add_func("/tdisp/config/lock-refuses-cache-line-mismatch",
                   test_lock_refuses_cache_line_mismatch);
    qtest_add_func("/tdisp/config/lock-refuses-power-state",
                   test_lock_refuses_power_state);
    qtest_add_func("/tdisp/config/lock-refuses-sriov-page-size",
                   test_lock_refuses_sriov_page_size);
    qtest_add_func("/tdisp/config/lock-without-decoding",
                   test_lock_without_decoding);
}
