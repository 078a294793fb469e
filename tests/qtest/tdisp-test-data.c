/*
 * TDISP: MMIO in every state, scrubbing, and a large memory BAR
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define ONES    0xffffffffu

/* Which T passes to TEE memory in which state */
static bool passes(uint8_t state, bool t)
{
    return state == TDISP_STATE_CONFIG_UNLOCKED ||
           (state == TDISP_STATE_RUN && t);
}

static void check_mmio(QTdisp *d, uint8_t state, bool t)
{
    const char *counter = t ? "mmio-rejected-t1" : "mmio-rejected-t0";
    uint64_t before = qtdisp_get_uint(d, counter);
    bool ok = passes(state, t);

    qtdisp_t(d, t);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_ID), ==,
                    ok ? TDI_TESTDEV_ID_VALUE : ONES);
    qtdisp_set_reg(d, TDI_TESTDEV_SCRATCH, 0x1234 + t);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_SCRATCH), ==,
                    ok ? 0x1234 + t : ONES);
    qtest_writel(d->qts, d->bar2 + 0x800, 0x5678 + t);
    g_assert_cmphex(qtest_readl(d->qts, d->bar2 + 0x800), ==,
                    ok ? 0x5678 + t : ONES);
    /* Parts of TEE memory behind the MSI-X pages */
    qtdisp_reg(d, TDI_TESTDEV_MSIX_TABLE + 0x1000);
    g_assert_cmpuint(qtdisp_get_uint(d, counter), ==, before + (ok ? 0 : 6));

    /* NON_TEE memory, the MSI-X pages among it, does not care. */
    before = qtdisp_get_uint(d, counter);
    g_assert_cmphex(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_ID), ==,
                    TDI_TESTDEV_ID_VALUE);
    g_assert_cmphex(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_STATE), ==, state);
    qtdisp_set_reg(d, TDI_TESTDEV_MSIX_TABLE + 8, 0x42 + t);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_TABLE + 8), ==, 0x42 + t);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_PBA), ==, 0);
    g_assert_cmpuint(qtdisp_get_uint(d, counter), ==, before);
    qtdisp_t(d, false);
}

static void test_mmio_in_every_state(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    for (uint8_t state = 0; state < 4; state++) {
        g_test_message("state %u", state);
        qtdisp_go(d, state);
        check_mmio(d, state, false);
        check_mmio(d, state, true);
        g_assert_cmpuint(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_REJECT_T0), ==,
                         qtdisp_get_uint(d, "mmio-rejected-t0"));
        g_assert_cmpuint(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_REJECT_T1), ==,
                         qtdisp_get_uint(d, "mmio-rejected-t1"));
    }
    qtdisp_quit(d);
}

static void test_locked_msix_pages(void)
{
    TdispLockReq req = { .flags = cpu_to_le16(TDISP_LOCK_MSIX) };
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t nonce[TDISP_NONCE_SIZE];

    qtdisp_set_reg(d, TDI_TESTDEV_MSIX_TABLE + 8, 0x77);
    g_assert_cmphex(qtdisp_lock_flags(d, &req, nonce), ==, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_TABLE + 8), ==, ONES);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_PBA), ==, ONES);
    g_assert_cmphex(qtdisp_start_interface(d, nonce), ==, 0);
    qtdisp_set_reg(d, TDI_TESTDEV_MSIX_TABLE + 8, 0x88);
    qtdisp_t(d, true);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_TABLE + 8), ==, 0x77);
    qtdisp_t(d, false);

    /* In ERROR they stay closed, although the lock is gone. */
    qtdisp_set_bool(d, "x-fault-error", true);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_TABLE + 8), ==, ONES);
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_TABLE + 8), ==, 0x77);
    qtdisp_quit(d);
}

/* Every size and alignment that the register below the gate would take */
static void test_access_sizes_through_the_gate(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t in[64], out[64];

    for (int i = 0; i < sizeof(in); i++) {
        in[i] = i * 7 + 1;
    }
    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_t(d, true);
    qtest_memwrite(d->qts, d->bar2 + 0x100, in, sizeof(in));
    qtest_memread(d->qts, d->bar2 + 0x100, out, sizeof(out));
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    g_assert_cmphex(qtest_readb(d->qts, d->bar2 + 0x101), ==, in[1]);
    g_assert_cmphex(qtest_readw(d->qts, d->bar2 + 0x102), ==,
                    lduw_le_p(in + 2));
    g_assert_cmphex(qtest_readq(d->qts, d->bar2 + 0x108), ==, ldq_le_p(in + 8));
    qtest_writeb(d->qts, d->bar2 + 0x103, 0xab);
    g_assert_cmphex(qtest_readb(d->qts, d->bar2 + 0x103), ==, 0xab);
    g_assert_cmphex(qtest_readb(d->qts, d->bar2 + 0x102), ==, in[2]);

    /* Registers of 32 bits, taken two at a time */
    g_assert_cmphex(qtest_readq(d->qts, d->bar0), ==,
                    TDI_TESTDEV_ID_VALUE |
                    (uint64_t)TDI_TESTDEV_VERSION_VALUE << 32);
    qtdisp_quit(d);
}

/* STOP leaves nothing of what RUN put into the device. */
static void check_scrub(QTdisp *d, uint8_t last)
{
    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_t(d, true);
    qtdisp_set_reg(d, TDI_TESTDEV_SCRATCH, 0xdeadbeef);
    qtest_writel(d->qts, d->bar2, 0xdeadbeef);
    qtest_writel(d->qts, d->bar2 + 0xffffc, 0xdeadbeef);
    qtdisp_t(d, false);
    if (last == TDISP_STATE_ERROR) {
        qtdisp_set_bool(d, "x-fault-error", true);
    }
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_SCRATCH), ==, 0);
    g_assert_cmphex(qtest_readl(d->qts, d->bar2), ==, 0);
    g_assert_cmphex(qtest_readl(d->qts, d->bar2 + 0xffffc), ==, 0);
}

static void test_stop_scrubs(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    check_scrub(d, TDISP_STATE_RUN);
    check_scrub(d, TDISP_STATE_ERROR);
    qtdisp_quit(d);
}

static void test_reset_scrubs(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_t(d, true);
    qtest_writel(d->qts, d->bar2, 0xdeadbeef);
    qtest_system_reset(d->qts);
    qtest_outl(d->qts, 0xcf8, 0x80000060);
    qtest_outl(d->qts, 0xcfc, 0xb0000001);
    qtdisp_map(d);
    g_assert_cmphex(qtest_readl(d->qts, d->bar2), ==, 0);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
    qtdisp_quit(d);
}

static uint64_t resident_kib(QTdisp *d)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status",
                                            (int)qtest_pid(d->qts));
    g_autofree char *text = NULL;
    const char *line;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return 0;
    }
    line = strstr(text, "VmRSS:");
    return line ? g_ascii_strtoull(line + 6, NULL, 10) : 0;
}

/* 64 GiB, locked and scrubbed, costs no memory before it is touched. */
static void test_memory_bar_is_sparse(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint64_t base = 0x1000000000ULL, size = 64ULL << 30;
    uint64_t small = resident_kib(d);

    qtdisp_quit(d);
    d = qtdisp_start_testdev(",memsize=64G");
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_2, 0);
    qtdisp_cfg_writel(d, d->rid, PCI_BASE_ADDRESS_3, base >> 32);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MEM_SIZE_HI), ==, size >> 32);
    g_assert_cmphex(qtest_readq(d->qts, base + size - 8), ==, 0);
    qtest_writeq(d->qts, base + size - 8, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(d->qts, base + size - 8), ==,
                    0x1122334455667788);
    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_t(d, true);
    g_assert_cmphex(qtest_readq(d->qts, base + size - 8), ==,
                    0x1122334455667788);
    qtdisp_go(d, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmphex(qtest_readq(d->qts, base + size - 8), ==, 0);
    g_assert_cmpuint(resident_kib(d), <, small + 64 * 1024);
    qtdisp_quit(d);
}

void tdisp_test_add_data(void)
{
    qtest_add_func("/tdisp/mmio/every-state", test_mmio_in_every_state);
    qtest_add_func("/tdisp/mmio/locked-msix-pages", test_locked_msix_pages);
    qtest_add_func("/tdisp/mmio/access-sizes",
                   test_access_sizes_through_the_gate);
    qtest_add_func("/tdisp/scrub/stop", test_stop_scrubs);
    qtest_add_func("/tdisp/scrub/reset", test_reset_scrubs);
    qtest_add_func("/tdisp/testdev/memory-bar-is-sparse",
                   test_memory_bar_is_sparse);
}
