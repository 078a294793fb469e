/*
 * TDISP: the NVMe controller as a TDI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define NVME_DEVICE "nvme,serial=tdisp,drive=disk,tdisp=on,x-tdisp-clear=on"

#define REG_VS          0x08
#define REG_CC          0x14
#define REG_CSTS        0x1c
#define REG_AQA         0x24
#define REG_ASQ         0x28
#define REG_ACQ         0x30
#define REG_SQ0_TAIL    0x1000
#define CC_ENABLE       0x00460001
#define CSTS_RDY        1
#define CSTS_CFS        2
#define IDENTIFY        0x06
#define POLLS           2000

#define SQ              QTDISP_RAM
#define CQ              (QTDISP_RAM + 0x1000)
#define BUFFER          (QTDISP_RAM + 0x2000)

static QTdisp *start(void)
{
    return qtdisp_start(NVME_DEVICE);
}

static void enable_queues(QTdisp *d, uint32_t sizes)
{
    qtest_memset(d->qts, SQ, 0, 0x3000);
    qtdisp_set_reg(d, REG_CC, 0);
    qtdisp_set_reg(d, REG_AQA, sizes);
    qtest_writeq(d->qts, d->bar0 + REG_ASQ, SQ);
    qtest_writeq(d->qts, d->bar0 + REG_ACQ, CQ);
    qtdisp_set_reg(d, REG_CC, CC_ENABLE);
    g_assert_cmphex(qtdisp_reg(d, REG_CSTS) & CSTS_RDY, ==, CSTS_RDY);
}

static void enable(QTdisp *d)
{
    enable_queues(d, 0x000f000f);
}

static void write_identify(QTdisp *d, uint64_t at)
{
    qtest_writel(d->qts, at, IDENTIFY | 0x7700 << 16);
    qtest_writel(d->qts, at + 24, BUFFER);
    qtest_writel(d->qts, at + 40, 1);       /* the controller */
}

static void submit_identify(QTdisp *d)
{
    write_identify(d, SQ);
    qtdisp_set_reg(d, REG_SQ0_TAIL, 1);
}

/* True once the completion is there; false if none comes. */
static bool completed(QTdisp *d)
{
    for (int i = 0; i < POLLS; i++) {
        if (qtest_readl(d->qts, CQ + 12) & 0x10000) {
            return true;
        }
        qtest_clock_step(d->qts, 100000);
    }
    return false;
}

static void check_identify(QTdisp *d)
{
    char serial[6] = "";

    enable(d);
    submit_identify(d);
    g_assert_true(completed(d));
    qtest_memread(d->qts, BUFFER + 4, serial, 5);
    g_assert_cmpstr(serial, ==, "tdisp");
}

static void test_life(void)
{
    QTdisp *d = start();
    uint32_t version = qtdisp_reg(d, REG_VS);

    check_identify(d);
    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    g_assert_cmphex(qtdisp_reg(d, REG_VS), ==, 0xffffffff);
    qtdisp_t(d, true);
    g_assert_cmphex(qtdisp_reg(d, REG_VS), ==, 0xffffffff);

    qtdisp_go(d, TDISP_STATE_RUN);
    g_assert_cmphex(qtdisp_reg(d, REG_VS), ==, version);
    check_identify(d);
    qtdisp_t(d, false);
    g_assert_cmphex(qtdisp_reg(d, REG_CSTS), ==, 0xffffffff);
    qtdisp_set_reg(d, REG_CC, 0);           /* vanishes */
    qtdisp_t(d, true);
    g_assert_cmphex(qtdisp_reg(d, REG_CC), ==, CC_ENABLE);
    qtdisp_t(d, false);

    qtdisp_go(d, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmphex(qtdisp_reg(d, REG_CC), ==, 0);
    check_identify(d);
    qtdisp_quit(d);
}

/* A command that LOCK, STOP or ERROR meets never completes. */
static void check_abort(QTdisp *d, uint8_t from, uint8_t to)
{
    qtdisp_go(d, from);
    qtdisp_t(d, true);
    enable(d);
    submit_identify(d);
    switch (to) {
    case TDISP_STATE_CONFIG_LOCKED:
        g_assert_cmphex(qtdisp_lock(d, NULL), ==, 0);
        break;
    case TDISP_STATE_ERROR:
        qtdisp_cfg_writeb(d, d->rid, PCI_BIST, 0);
        break;
    default:
        g_assert_cmphex(qtdisp_stop(d), ==, 0);
        break;
    }
    qtest_memset(d->qts, SQ, 0, 0x3000);
    g_assert_false(completed(d));
    g_assert_cmphex(qtest_readl(d->qts, BUFFER + 4), ==, 0);
    qtdisp_go(d, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmphex(qtdisp_reg(d, REG_CSTS), ==, 0);
    qtdisp_t(d, false);
    check_identify(d);
}

static void test_abort(void)
{
    QTdisp *d = start();

    check_abort(d, TDISP_STATE_CONFIG_UNLOCKED, TDISP_STATE_CONFIG_LOCKED);
    check_abort(d, TDISP_STATE_RUN, TDISP_STATE_ERROR);
    check_abort(d, TDISP_STATE_RUN, TDISP_STATE_CONFIG_UNLOCKED);
    qtdisp_quit(d);
}

/*
 * What is done and cannot be told, as its queue is full, goes with the queue:
 * where QEMU has LeakSanitizer, its end says so.
 */
static void test_full_queue(void)
{
    QTdisp *d = start();

    enable_queues(d, 0x0001000f);
    for (int i = 0; i < 8; i++) {
        write_identify(d, SQ + i * 64);
    }
    qtdisp_set_reg(d, REG_SQ0_TAIL, 8);
    g_assert_true(completed(d));
    check_identify(d);
    qtdisp_quit(d);
}

static void test_report_of_nvme(void)
{
    QTdisp *d = start();
    uint8_t buf[256];
    const TdispReport *head = (TdispReport *)buf;
    const TdispReportRange *r = (TdispReportRange *)(head + 1);
    uint64_t end = d->bar0 >> 12;
    int msix = 0;

    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    qtdisp_report(d, 128, buf, sizeof(buf));
    for (int i = 0; i < le32_to_cpu(head->mmio_range_count); i++) {
        g_assert_cmphex(le64_to_cpu(r[i].first_page), ==, end);
        g_assert_cmphex(le16_to_cpu(r[i].range_id), ==, 0);
        end += le32_to_cpu(r[i].pages);
        msix += le16_to_cpu(r[i].attributes) == TDISP_RANGE_NON_TEE;
    }
    g_assert_cmphex(end, ==, (d->bar0 >> 12) + 4);
    g_assert_cmpint(msix, ==, 2);
    qtdisp_quit(d);
}

static void test_flr_and_reset(void)
{
    QTdisp *d = start();
    uint16_t exp = qtdisp_find_cap(d, d->rid, PCI_CAP_ID_EXP);
    g_autofree char *state = NULL;

    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_cfg_writew(d, d->rid, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_ERROR);
    qtdisp_map(d);
    g_assert_cmphex(qtdisp_reg(d, REG_VS), ==, 0xffffffff);
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    check_identify(d);

    qtdisp_go(d, TDISP_STATE_RUN);
    qtest_system_reset(d->qts);
    state = qtdisp_get_str(d, "state");
    g_assert_cmpstr(state, ==, "CONFIG_UNLOCKED");
    qtdisp_quit(d);
}

static void expect_refused(QTestState *qts, const char *command,
                           const char *message)
{
    g_autofree char *text = qtest_hmp(qts, "%s", command);

    g_test_message("%s", text);
    g_assert_nonnull(strstr(text, message));
}

static void test_refusals(void)
{
    QTestState *qts = qtest_init("-M q35 -m 64 -nodefaults "
                                 "-device nvme-subsys,id=sub "
                                 "-device pcie-root-port,id=rp,slot=1");

    expect_refused(qts, "device_add nvme,bus=rp,serial=x,tdisp=on",
                   "TDISP needs an SPDM responder");
    expect_refused(qts, "device_add nvme,bus=rp,serial=x,x-tdisp-clear=on",
                   "x-tdisp-clear=on needs tdisp=on");
    expect_refused(qts, "device_add nvme,bus=rp,serial=x,subsys=sub,"
                   "sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,"
                   "max_ioqpairs=6,msix_qsize=4,tdisp=on,x-tdisp-clear=on",
                   "SR-IOV exclude each other");
    expect_refused(qts, "device_add nvme,bus=rp,serial=x,"
                   "msix-exclusive-bar=on,tdisp=on,x-tdisp-clear=on",
                   "share the page");
    qtest_quit(qts);
}

/* A TDI; one BAR for registers alone; VFs, whose ids are the PF's to give. */
static void test_unplug(void)
{
    static const char *const options[] = {
        "tdisp=on,x-tdisp-clear=on",
        "msix-exclusive-bar=on",
        "sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,"
        "max_ioqpairs=6,msix_qsize=4",
    };
    QTestState *qts = qtest_init("-M q35 -m 64 -nodefaults "
                                 "-device nvme-subsys,id=sub "
                                 "-device pcie-root-port,id=rp,slot=1");

    for (int i = 0; i < 2 * ARRAY_SIZE(options); i++) {
        g_autofree char *text =
            qtest_hmp(qts, "device_add nvme,id=dut,bus=rp,serial=x,subsys=sub,"
                           "%s", options[i % ARRAY_SIZE(options)]);

        g_assert_cmpstr(text, ==, "");
        qtest_qmp_device_del_send(qts, "dut");
        qtest_system_reset_nowait(qts);
        qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    }
    qtest_quit(qts);
}

void tdisp_test_add_nvme(void)
{
    qtest_add_func("/tdisp/nvme/life", test_life);
    qtest_add_func("/tdisp/nvme/abort", test_abort);
    qtest_add_func("/tdisp/nvme/full-queue", test_full_queue);
    qtest_add_func("/tdisp/nvme/report", test_report_of_nvme);
    qtest_add_func("/tdisp/nvme/flr-and-reset", test_flr_and_reset);
    qtest_add_func("/tdisp/nvme/refusals", test_refusals);
    qtest_add_func("/tdisp/nvme/unplug", test_unplug);
}
