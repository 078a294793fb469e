/*
 * TDISP: the T bit of a host and of its SVM guest, on a CPU that runs
 *
 * Under TCG, a ROM of our own (tdisp-svm.S) reads a register of tdi-testdev in
 * turn as the host and as its guest, while this test moves the TDI.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "libqos/tdisp.h"
#include "tdisp-svm-rom.h"
#include "tdisp-test.h"

#define ROM_SIZE        0x10000
#define MAILBOX         0x200000
#define HOST_READ       (MAILBOX + 4)
#define GUEST_READ      (MAILBOX + 8)
#define EXIT_CODE       (MAILBOX + 12)
#define ROUNDS          (MAILBOX + 16)
#define EXIT_VMMCALL    0x81
#define PATIENCE_US     (30 * G_USEC_PER_SEC)

static char *make_rom(void)
{
    g_autofree uint8_t *rom = g_malloc0(ROM_SIZE);
    char *path = NULL;
    int fd = g_file_open_tmp("qtest-tdisp-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    memcpy(rom + ROM_SIZE - sizeof(tdisp_svm_rom), tdisp_svm_rom,
           sizeof(tdisp_svm_rom));
    g_assert_cmpint(write(fd, rom, ROM_SIZE), ==, ROM_SIZE);
    close(fd);
    return path;
}

/* Two whole rounds that began after now */
static void wait_rounds(QTdisp *d)
{
    uint32_t start = qtest_readl(d->qts, ROUNDS);
    int64_t end = g_get_monotonic_time() + PATIENCE_US;

    while (qtest_readl(d->qts, ROUNDS) - start < 3) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(1000);
    }
    g_assert_cmphex(qtest_readl(d->qts, EXIT_CODE), ==, EXIT_VMMCALL);
}

static void expect_reads(QTdisp *d, bool host, bool guest)
{
    wait_rounds(d);
    g_assert_cmphex(qtest_readl(d->qts, HOST_READ), ==,
                    host ? TDI_TESTDEV_ID_VALUE : 0xffffffff);
    g_assert_cmphex(qtest_readl(d->qts, GUEST_READ), ==,
                    guest ? TDI_TESTDEV_ID_VALUE : 0xffffffff);
}

static void test_t_bit(void)
{
    g_autofree char *rom = make_rom();
    g_autofree char *args =
        g_strdup_printf("-accel tcg -cpu max -bios %s "
                        "-global apic.vapic=off", rom);
    QTdisp *d =
        qtdisp_start_with("tdi-testdev,tdisp=on,x-tdisp-clear=on", args);
    uint64_t before;

    unlink(rom);
    qtest_writel(d->qts, MAILBOX, d->bar0 + TDI_TESTDEV_ID);
    expect_reads(d, true, true);
    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    expect_reads(d, false, false);
    qtdisp_go(d, TDISP_STATE_RUN);
    before = qtdisp_get_uint(d, "mmio-rejected-t0");
    expect_reads(d, false, true);
    g_assert_cmpuint(qtdisp_get_uint(d, "mmio-rejected-t0"), >, before);

    /* This test's own access has no CPU. */
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_ID), ==, 0xffffffff);
    qtdisp_go(d, TDISP_STATE_ERROR);
    expect_reads(d, false, false);
    qtdisp_go(d, TDISP_STATE_CONFIG_UNLOCKED);
    expect_reads(d, true, true);
    qtdisp_quit(d);
}

void tdisp_test_add_svm(void)
{
    if (qtest_has_accel("tcg")) {
        qtest_add_func("/tdisp/svm/t-bit", test_t_bit);
    }
}
