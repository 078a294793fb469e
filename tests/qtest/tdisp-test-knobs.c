/*
 * TDISP: fault knobs, and what a user may ask for
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define DOE_BUSY    0x00000001u
#define DOE_READY   0x80000000u

/* After each fault the device must lock and run again. */
static void expect_works(QTdisp *d)
{
    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_go(d, TDISP_STATE_CONFIG_UNLOCKED);
}

static void test_refuse_lock(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    const uint32_t codes[] = { TDISP_ERR_INVALID_DEVICE_CONFIG, TDISP_ERR_BUSY,
                               TDISP_ERR_INSUFFICIENT_ENTROPY };

    for (int i = 0; i < ARRAY_SIZE(codes); i++) {
        qtdisp_set_uint(d, "x-fault-refuse-lock", codes[i]);
        g_assert_cmphex(qtdisp_lock(d, NULL), ==, codes[i]);
        g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
    }
    qtdisp_set_uint(d, "x-fault-refuse-lock", 0);
    expect_works(d);
    qtdisp_quit(d);
}

static void test_drop_to_error(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    for (uint8_t state = 0; state < 4; state++) {
        bool locked = state == TDISP_STATE_CONFIG_LOCKED ||
                      state == TDISP_STATE_RUN;

        qtdisp_go(d, state);
        qtdisp_set_bool(d, "x-fault-error", true);
        g_assert_cmphex(qtdisp_state(d), ==,
                        locked ? TDISP_STATE_ERROR : state);
    }
    expect_works(d);
    qtdisp_quit(d);
}

static void test_wrong_nonce(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t nonce[TDISP_NONCE_SIZE];

    qtdisp_set_bool(d, "x-fault-wrong-nonce", true);
    g_assert_cmphex(qtdisp_lock(d, nonce), ==, 0);
    g_assert_cmphex(qtdisp_start_interface(d, nonce), ==,
                    TDISP_ERR_INVALID_NONCE);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_LOCKED);
    qtdisp_set_bool(d, "x-fault-wrong-nonce", false);
    expect_works(d);
    qtdisp_quit(d);
}

static void test_short_report(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t whole[512], cut[512];
    size_t size;

    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    size = qtdisp_report(d, 200, whole, sizeof(whole));
    qtdisp_set_bool(d, "x-fault-short-report", true);
    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    g_assert_cmpuint(qtdisp_report(d, 200, cut, sizeof(cut)), ==, size / 2);
    g_assert_cmpmem(whole, size / 2, cut, size / 2);
    qtdisp_set_bool(d, "x-fault-short-report", false);
    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    g_assert_cmpuint(qtdisp_report(d, 200, cut, sizeof(cut)), ==, size);
    qtdisp_quit(d);
}

static void test_single_bytes(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint16_t len = 200, remainder;
    uint8_t whole[512], bytes[512];
    size_t size;

    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    size = qtdisp_report(d, 200, whole, sizeof(whole));
    qtdisp_set_bool(d, "x-fault-single-bytes", true);
    g_assert_cmphex(qtdisp_report_portion(d, 0, &len, &remainder, bytes), ==,
                    0);
    g_assert_cmpuint(len, ==, 1);
    g_assert_cmpuint(remainder, ==, size - 1);
    g_assert_cmpuint(qtdisp_report(d, 200, bytes, sizeof(bytes)), ==, size);
    g_assert_cmpmem(whole, size, bytes, size);
    qtdisp_quit(d);
}

static void test_ide_loss(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    g_autofree char *reason = NULL;

    qtdisp_go(d, TDISP_STATE_RUN);
    qtdisp_set_bool(d, "x-fault-ide-loss", true);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_ERROR);
    reason = qtdisp_get_str(d, "reason");
    g_assert_cmpstr(reason, ==, "IDE stream insecure");
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    g_assert_cmphex(qtdisp_lock(d, NULL), ==, TDISP_ERR_INVALID_DEVICE_CONFIG);
    qtdisp_set_bool(d, "x-fault-ide-loss", false);
    expect_works(d);
    qtdisp_quit(d);
}

static const uint32_t discovery[3] = { 0x00000001, 3, 0 };

static void test_delay(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint32_t rsp[8];

    qtdisp_set_uint(d, "x-fault-delay-ms", 200);
    qtdisp_doe_send(d, discovery, 3);
    g_assert_cmphex(qtdisp_doe_status(d), ==, DOE_BUSY);
    qtest_clock_step(d->qts, 199 * 1000 * 1000);
    g_assert_cmphex(qtdisp_doe_status(d), ==, DOE_BUSY);
    qtdisp_doe_send(d, discovery, 3);      /* dropped */
    qtest_clock_step(d->qts, 2 * 1000 * 1000);
    g_assert_cmphex(qtdisp_doe_status(d), ==, DOE_READY);
    g_assert_cmpuint(qtdisp_doe_receive(d, rsp, 8), ==, 3);

    /* An abort takes the waiting answer with it, and so does a reset. */
    qtdisp_doe_send(d, discovery, 3);
    qtdisp_doe_control(d, 1);
    g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    qtest_clock_step(d->qts, 1000 * 1000 * 1000);
    g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    qtdisp_doe_send(d, discovery, 3);
    qtest_system_reset(d->qts);
    qtest_clock_step(d->qts, 1000 * 1000 * 1000);
    qtdisp_set_uint(d, "x-fault-delay-ms", 0);
    qtest_outl(d->qts, 0xcf8, 0x80000060);
    qtest_outl(d->qts, 0xcfc, 0xb0000001);
    g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    qtdisp_map(d);
    expect_works(d);
    qtdisp_quit(d);
}

/* A device that may not be: the message says what is missing. */
static void expect_add_fails(QTestState *qts, const char *driver,
                             const char *args, const char *message)
{
    g_autofree char *cmd =
        g_strdup_printf("{ 'execute': 'device_add', 'arguments': {"
                        " 'driver': '%s', 'id': 'bad', %s } }", driver, args);
    QDict *rsp = qtest_qmp(qts, "%p", qobject_from_json(cmd, &error_abort));
    const char *desc;

    g_assert(qdict_haskey(rsp, "error"));
    desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");
    g_test_message("%s", desc);
    g_assert_nonnull(strstr(desc, message));
    qobject_unref(rsp);
}

static void test_properties(void)
{
    QTestState *qts = qtest_init("-M q35 -m 64 -nodefaults "
                                 "-device pcie-root-port,id=rp,slot=1");

    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'tdisp': true",
                     "TDISP needs an SPDM responder");
    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'x-tdisp-clear': true",
                     "x-tdisp-clear=on needs tdisp=on");
    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'memsize': 12288",
                     "memsize 0x3000 is not a power of two");
    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'memsize': 2048",
                     "memsize 0x800 is not a power of two");
    expect_add_fails(qts, "tdi-testdev",
                     "'bus': 'rp', 'memsize': 137438953472",
                     "memsize 0x2000000000 is not a power of two");
    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'vf-memsize': 1",
                     "vf-memsize 0x1 is not a power of two");
    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'sriov-vfs': 8",
                     "sriov-vfs 8 is more than 7");
    expect_add_fails(qts, "tdi-testdev-vf", "'bus': 'rp'",
                     "pluggable device type");
    expect_add_fails(qts, "tdi-testdev", "'bus': 'rp', 'sriov-pf': 'x'",
                     "user cannot create SR-IOV VF");
    qtest_quit(qts);
}

/* Without tdisp=on the device is an ordinary one. */
static void test_off(void)
{
    QTdisp *d = qtdisp_start("tdi-testdev");
    uint16_t exp = qtdisp_find_cap(d, d->rid, 0x10);

    g_assert_cmphex(qtdisp_find_ext_cap(d, d->rid, 0x2e), ==, 0);
    g_assert_cmphex(qtdisp_cfg_readl(d, d->rid, exp + 4) &
                    TDISP_PCI_EXP_DEVCAP_TEE_IO, ==, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_ID), ==, TDI_TESTDEV_ID_VALUE);
    g_assert_cmphex(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_STATE), ==,
                    0xffffffff);
    qtdisp_quit(d);
}

void tdisp_test_add_knobs(void)
{
    qtest_add_func("/tdisp/knobs/refuse-lock", test_refuse_lock);
    qtest_add_func("/tdisp/knobs/error", test_drop_to_error);
    qtest_add_func("/tdisp/knobs/wrong-nonce", test_wrong_nonce);
    qtest_add_func("/tdisp/knobs/short-report", test_short_report);
    qtest_add_func("/tdisp/knobs/single-bytes", test_single_bytes);
    qtest_add_func("/tdisp/knobs/ide-loss", test_ide_loss);
    qtest_add_func("/tdisp/knobs/delay", test_delay);
    qtest_add_func("/tdisp/properties/refusals", test_properties);
    qtest_add_func("/tdisp/properties/off", test_off);
}
