/*
 * TDISP: virtual functions as TDIs of their own
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define NR_VFS  4

typedef struct Functions {
    QTdisp *pf;
    QTdisp *vf[NR_VFS];
} Functions;

static void start(Functions *f)
{
    f->pf = qtdisp_start_testdev(",sriov-vfs=4");
    for (int i = 0; i < NR_VFS; i++) {
        f->vf[i] = qtdisp_vf(f->pf, NR_VFS, i);
    }
}

static void quit(Functions *f)
{
    for (int i = 0; i < NR_VFS; i++) {
        qtdisp_free_vf(f->vf[i]);
    }
    qtdisp_quit(f->pf);
}

/* Each function moves alone, and its MMIO follows its own state. */
static void test_independent(void)
{
    Functions f;

    start(&f);
    for (int i = 0; i < NR_VFS; i++) {
        g_assert_cmphex(qtdisp_reg(f.vf[i], TDI_TESTDEV_ID), ==,
                        TDI_TESTDEV_ID_VALUE);
        g_assert_cmphex(qtdisp_reg(f.vf[i], TDI_TESTDEV_FUNCTION), ==, i + 1);
    }
    for (uint8_t state = 0; state < 4; state++) {
        qtdisp_go(f.vf[state], state);
    }
    g_assert_cmphex(qtdisp_state(f.pf), ==, TDISP_STATE_CONFIG_UNLOCKED);
    for (uint8_t state = 0; state < 4; state++) {
        QTdisp *vf = f.vf[state];

        g_assert_cmphex(qtdisp_state(vf), ==, state);
        g_assert_cmphex(qtdisp_open_reg(vf, TDI_TESTDEV_OPEN_STATE), ==,
                        state);
        g_assert_cmphex(qtdisp_reg(vf, TDI_TESTDEV_ID), ==,
                        state ? 0xffffffff : TDI_TESTDEV_ID_VALUE);
        qtdisp_t(vf, true);
        g_assert_cmphex(qtdisp_reg(vf, TDI_TESTDEV_ID), ==,
                        state == TDISP_STATE_RUN ||
                        state == TDISP_STATE_CONFIG_UNLOCKED ?
                        TDI_TESTDEV_ID_VALUE : 0xffffffff);
    }
    g_assert_cmphex(qtdisp_reg(f.pf, TDI_TESTDEV_ID), ==,
                    TDI_TESTDEV_ID_VALUE);
    quit(&f);
}

static void test_report_places(void)
{
    Functions f;

    start(&f);
    for (int i = 0; i < NR_VFS; i++) {
        uint8_t buf[512];
        const TdispReportRange *range =
            (TdispReportRange *)(buf + sizeof(TdispReport));

        qtdisp_go(f.vf[i], TDISP_STATE_CONFIG_LOCKED);
        qtdisp_report(f.vf[i], 256, buf, sizeof(buf));
        g_assert_cmphex(le64_to_cpu(range[0].first_page), ==,
                        f.vf[i]->bar0 >> 12);
        g_assert_cmphex(le64_to_cpu(range[6].first_page), ==,
                        f.vf[i]->bar2 >> 12);
        g_assert_cmphex(le16_to_cpu(range[6].range_id), ==, 2);
    }
    quit(&f);
}

static void test_vf_dma(void)
{
    Functions f;
    QTdisp *vf;

    start(&f);
    vf = f.vf[1];
    qtdisp_go(vf, TDISP_STATE_RUN);
    qtdisp_go(f.vf[2], TDISP_STATE_CONFIG_LOCKED);
    qtdisp_t(vf, true);
    qtest_writel(vf->qts, QTDISP_RAM, 0x600d);
    qtdisp_dma_setup(vf, QTDISP_RAM, 0, 4);
    g_assert_cmpuint(qtdisp_dma(vf, TDI_TESTDEV_DMA_READ), ==,
                     TDI_TESTDEV_DMA_OK);
    g_assert_cmphex(qtest_readl(vf->qts, vf->bar2), ==, 0x600d);
    quit(&f);
}

/* A VF's own config space breaks it alone. */
static void test_own_config(void)
{
    Functions f;
    uint16_t exp;

    start(&f);
    exp = qtdisp_find_cap(f.vf[0], f.vf[0]->rid, PCI_CAP_ID_EXP);
    for (int i = 0; i < NR_VFS; i++) {
        qtdisp_go(f.vf[i], TDISP_STATE_RUN);
    }
    qtdisp_cfg_writew(f.vf[0], f.vf[0]->rid, PCI_COMMAND, PCI_COMMAND_MEMORY);
    qtdisp_cfg_writew(f.vf[1], f.vf[1]->rid, exp + PCI_EXP_DEVCTL,
                      PCI_EXP_DEVCTL_BCR_FLR);
    for (int i = 0; i < NR_VFS; i++) {
        g_assert_cmphex(qtdisp_state(f.vf[i]), ==,
                        i < 2 ? TDISP_STATE_ERROR : TDISP_STATE_RUN);
    }
    quit(&f);
}

/* What the PF does to all of them breaks all of them, and they can go on. */
static void check_pf_write(uint16_t id, bool ext, uint16_t reg, uint16_t val)
{
    Functions f;
    uint16_t cap;

    start(&f);
    cap = ext ? qtdisp_find_ext_cap(f.pf, f.pf->rid, id)
              : qtdisp_find_cap(f.pf, f.pf->rid, id);
    for (int i = 0; i < NR_VFS; i++) {
        qtdisp_go(f.vf[i], i % 2 ? TDISP_STATE_RUN :
                                   TDISP_STATE_CONFIG_LOCKED);
    }
    qtdisp_cfg_writew(f.pf, f.pf->rid, cap + reg, val);
    for (int i = 0; i < NR_VFS; i++) {
        g_assert_cmphex(qtdisp_state(f.vf[i]), ==, TDISP_STATE_ERROR);
    }
    g_assert_cmphex(qtdisp_state(f.pf), ==, TDISP_STATE_CONFIG_UNLOCKED);
    for (int i = 0; i < NR_VFS; i++) {
        g_assert_cmphex(qtdisp_stop(f.vf[i]), ==, 0);
    }

    qtdisp_map(f.pf);
    for (int i = 0; i < NR_VFS; i++) {
        QTdisp *vf = qtdisp_vf(f.pf, NR_VFS, i);

        qtdisp_go(vf, TDISP_STATE_RUN);
        qtdisp_free_vf(vf);
    }
    quit(&f);
}

static void test_pf_flr(void)
{
    check_pf_write(PCI_CAP_ID_EXP, false, PCI_EXP_DEVCTL,
                   PCI_EXP_DEVCTL_BCR_FLR);
}

static void test_pf_vf_disable(void)
{
    check_pf_write(PCI_EXT_CAP_ID_SRIOV, true, PCI_SRIOV_CTRL, 0);
}

static void test_pf_vf_bar(void)
{
    check_pf_write(PCI_EXT_CAP_ID_SRIOV, true, PCI_SRIOV_BAR, 0);
}

/* A PF that is broken alone leaves its VFs alone. */
static void test_pf_alone(void)
{
    Functions f;

    start(&f);
    qtdisp_go(f.pf, TDISP_STATE_RUN);
    qtdisp_go(f.vf[3], TDISP_STATE_RUN);
    qtdisp_cfg_writeb(f.pf, f.pf->rid, PCI_BIST, 0);
    g_assert_cmphex(qtdisp_state(f.pf), ==, TDISP_STATE_ERROR);
    g_assert_cmphex(qtdisp_state(f.vf[3]), ==, TDISP_STATE_RUN);
    quit(&f);
}

static void test_absent_vf(void)
{
    QTdisp *pf = qtdisp_start_testdev(",sriov-vfs=4");
    QTdisp *vf = qtdisp_vf(pf, 2, 0);

    vf->rid++;
    g_assert_cmphex(qtdisp_request(vf, TDISP_GET_DEVICE_INTERFACE_STATE), ==,
                    0);
    vf->rid++;
    g_assert_cmphex(qtdisp_request(vf, TDISP_GET_DEVICE_INTERFACE_STATE), ==,
                    TDISP_ERR_INVALID_INTERFACE);
    qtdisp_free_vf(vf);
    qtdisp_quit(pf);
}

static void test_vf_reset_unlocks(void)
{
    Functions f;
    g_autofree char *state = NULL;

    start(&f);
    qtdisp_go(f.vf[1], TDISP_STATE_RUN);
    qtest_system_reset(f.pf->qts);
    state = qtdisp_get_str(f.vf[1], "state");
    g_assert_cmpstr(state, ==, "CONFIG_UNLOCKED");
    quit(&f);
}

/* Hot-unplug of the PF with all of them in RUN */
static void test_unplug(void)
{
    QTestState *qts = qtest_init("-M q35 -m 64 -nodefaults "
                                 "-device pcie-root-port,id=rp,slot=1");

    for (int i = 0; i < 3; i++) {
        qtest_qmp_device_add(qts, "tdi-testdev", "dut", "{ 'bus': 'rp',"
                             " 'tdisp': true, 'x-tdisp-clear': true,"
                             " 'sriov-vfs': 4 }");
        qtest_qmp_device_del_send(qts, "dut");
        qtest_system_reset_nowait(qts);
        qtest_qmp_eventwait(qts, "DEVICE_DELETED");
    }
    qtest_quit(qts);
}

void tdisp_test_add_vf(void)
{
    qtest_add_func("/tdisp/vf/independent", test_independent);
    qtest_add_func("/tdisp/vf/report-places", test_report_places);
    qtest_add_func("/tdisp/vf/dma", test_vf_dma);
    qtest_add_func("/tdisp/vf/own-config", test_own_config);
    qtest_add_func("/tdisp/vf/pf-flr", test_pf_flr);
    qtest_add_func("/tdisp/vf/pf-vf-disable", test_pf_vf_disable);
    qtest_add_func("/tdisp/vf/pf-vf-bar", test_pf_vf_bar);
    qtest_add_func("/tdisp/vf/pf-alone", test_pf_alone);
    qtest_add_func("/tdisp/vf/absent", test_absent_vf);
    qtest_add_func("/tdisp/vf/reset-unlocks", test_vf_reset_unlocks);
    qtest_add_func("/tdisp/vf/unplug", test_unplug);
}
