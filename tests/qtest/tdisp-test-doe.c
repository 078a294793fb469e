/*
 * TDISP: the DOE mailbox and the SPDM framing, fed with nonsense too
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define DOE_GO          0x80000000u
#define DOE_ABORT       0x00000001u
#define DOE_READY       0x80000000u
#define DOE_ERROR       0x00000004u
#define DISCOVERY       0x00000001u     /* vendor PCI-SIG, type 0 */
#define CMA             0x00010001u
#define SECURED_CMA     0x00020001u

/* What a host's DOE driver does first: walk the protocols from index 0. */
static void test_discovery(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint32_t rsp[8], req[3] = { DISCOVERY, 3, 0 };

    g_assert_cmpuint(qtdisp_doe(d, req, 3, rsp, 8), ==, 3);
    g_assert_cmphex(rsp[2], ==, 0x01000001);    /* discovery, next 1 */
    req[2] = 1;
    g_assert_cmpuint(qtdisp_doe(d, req, 3, rsp, 8), ==, 3);
    g_assert_cmphex(rsp[2], ==, 0x00010001);    /* CMA, the last */
    qtdisp_quit(d);
}

/* Objects of other types and of a wrong length are dropped without answer. */
static void test_foreign_objects(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint32_t rsp[8];
    const uint32_t objects[][3] = {
        { SECURED_CMA, 3, 0 }, { 0x00020002, 3, 0 }, { 0, 3, 0 },
        { CMA, 2, 0 }, { CMA, 4, 0 }, { CMA, 0, 0 }, { DISCOVERY, 2, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        g_assert_cmpuint(qtdisp_doe(d, objects[i], 3, rsp, 8), ==, 0);
        g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    }
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
    qtdisp_quit(d);
}

static void expect_spdm_error(QTdisp *d, const void *req, size_t len,
                              uint8_t error)
{
    TdispSpdmHeader rsp;

    g_assert_cmpuint(qtdisp_spdm(d, req, len, &rsp, sizeof(rsp)), ==, 4);
    g_assert_cmphex(rsp.code, ==, SPDM_ERROR);
    g_assert_cmphex(rsp.param1, ==, error);
}

static void test_other_spdm_requests(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    for (int code = 0; code < 256; code++) {
        TdispSpdmHeader req = { 0x12, code, 0, 0 };

        expect_spdm_error(d, &req, sizeof(req),
                          code == SPDM_VENDOR_DEFINED_REQUEST ?
                          SPDM_ERR_INVALID_REQUEST :
                          SPDM_ERR_UNSUPPORTED_REQUEST);
        req.spdm_version = 0x22;
        expect_spdm_error(d, &req, sizeof(req), SPDM_ERR_VERSION_MISMATCH);
    }
    qtdisp_quit(d);
}

static void test_bad_framing(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    struct QEMU_PACKED {
        TdispSpdmVendorMsg spdm;
        TdispHeader tdisp;
        uint8_t more[8];
    } good = {
        .spdm = {
            .spdm = { 0x12, SPDM_VENDOR_DEFINED_REQUEST },
            .standard_id = cpu_to_le16(3),
            .vendor_id_len = 2,
            .vendor_id = cpu_to_le16(1),
            .payload_len = cpu_to_le16(17),
            .protocol_id = 1,
        },
    }, bad;
    const size_t len = 28;

    qtdisp_header(d, &good.tdisp, TDISP_GET_DEVICE_INTERFACE_STATE);

    bad = good;
    bad.spdm.standard_id = cpu_to_le16(4);
    expect_spdm_error(d, &bad, len, SPDM_ERR_UNSUPPORTED_REQUEST);
    bad = good;
    bad.spdm.vendor_id_len = 4;
    expect_spdm_error(d, &bad, len, SPDM_ERR_UNSUPPORTED_REQUEST);
    bad = good;
    bad.spdm.vendor_id = cpu_to_le16(0x8086);
    expect_spdm_error(d, &bad, len, SPDM_ERR_UNSUPPORTED_REQUEST);
    bad = good;
    bad.spdm.protocol_id = SPDM_PCI_PROTOCOL_IDE_KM;
    expect_spdm_error(d, &bad, len, SPDM_ERR_UNSUPPORTED_REQUEST);

    /* Payload beyond the object, empty, and more padding than a word needs */
    for (int n = 0; n < 3; n++) {
        const uint16_t lengths[] = { 0xffff, 0, 13 };

        bad = good;
        bad.spdm.payload_len = cpu_to_le16(lengths[n]);
        expect_spdm_error(d, &bad, len, SPDM_ERR_INVALID_REQUEST);
    }
    expect_spdm_error(d, &good, len + 4, SPDM_ERR_INVALID_REQUEST);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
    qtdisp_quit(d);
}

/* The bytes of docs/specs/tdisp.rst, as a driver sends and gets them */
static void test_transcript(void)
{
    static const struct {
        uint8_t req[64], rsp[80];
        size_t req_len, rsp_len;
    } steps[] = {
        { /* GET_TDISP_VERSION */
            { 0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 0x11, 0, 1,
              0x10, 0x81, 0, 0, QTDISP_DEVFN },
            { 0x12, 0x7e, 0, 0, 3, 0, 2, 1, 0, 0x13, 0, 1,
              0x10, 0x01, 0, 0, QTDISP_DEVFN, [28] = 1, 0x10 }, 28, 32 },
        { /* GET_TDISP_CAPABILITIES */
            { 0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 0x15, 0, 1,
              0x10, 0x82, 0, 0, QTDISP_DEVFN },
            { 0x12, 0x7e, 0, 0, 3, 0, 2, 1, 0, 0x2d, 0, 1,
              0x10, 0x02, 0, 0, QTDISP_DEVFN, [32] = 0xfe, [48] = 7,
              [53] = 0x40, 1, 1 }, 32, 56 },
        { /* GET_DEVICE_INTERFACE_STATE */
            { 0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 0x11, 0, 1,
              0x10, 0x85, 0, 0, QTDISP_DEVFN },
            { 0x12, 0x7e, 0, 0, 3, 0, 2, 1, 0, 0x12, 0, 1,
              0x10, 0x05, 0, 0, QTDISP_DEVFN }, 28, 32 },
        { /* START_INTERFACE in CONFIG_UNLOCKED */
            { 0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 0x31, 0, 1,
              0x10, 0x86, 0, 0, QTDISP_DEVFN },
            { 0x12, 0x7e, 0, 0, 3, 0, 2, 1, 0, 0x19, 0, 1,
              0x10, 0x7f, 0, 0, QTDISP_DEVFN, [28] = 4 }, 60, 36 },
        { /* STOP_INTERFACE */
            { 0x12, 0xfe, 0, 0, 3, 0, 2, 1, 0, 0x11, 0, 1,
              0x10, 0x87, 0, 0, QTDISP_DEVFN },
            { 0x12, 0x7e, 0, 0, 3, 0, 2, 1, 0, 0x11, 0, 1,
              0x10, 0x07, 0, 0, QTDISP_DEVFN }, 28, 28 },
    };
    QTdisp *d = qtdisp_start_testdev("");

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        uint8_t rsp[256];
        size_t len = qtdisp_spdm(d, steps[i].req, steps[i].req_len,
                                 rsp, sizeof(rsp));

        g_assert_cmpmem(rsp, len, steps[i].rsp, steps[i].rsp_len);
    }
    qtdisp_quit(d);
}

/* A message too short for a header is answered, for interface 0. */
static void test_short_messages(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t req[16] = { TDISP_VERSION_1_0, TDISP_GET_VERSION };
    TdispErrorRsp rsp;

    for (size_t len = 0; len < sizeof(req); len++) {
        g_assert_cmpuint(qtdisp_message(d, req, len, &rsp, sizeof(rsp)), ==,
                         sizeof(rsp));
        g_assert_cmphex(rsp.hdr.type, ==, TDISP_ERROR);
        g_assert_cmphex(le32_to_cpu(rsp.code), ==, TDISP_ERR_INVALID_REQUEST);
    }
    qtdisp_quit(d);
}

/* GO again and again must not pile up answers in the mailbox. */
static void test_go_while_ready(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint32_t rsp[8], req[3] = { DISCOVERY, 3, 0 };

    qtdisp_doe_send(d, req, 3);
    for (int i = 0; i < 100; i++) {
        qtdisp_doe_control(d, DOE_GO);
    }
    g_assert_cmpuint(qtdisp_doe_receive(d, rsp, 8), ==, 3);
    g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    qtdisp_quit(d);
}

/* A host that never stops writing gets an error bit, not QEMU's heap. */
static void test_endless_object(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint16_t reg = qtdisp_find_ext_cap(d, d->rid, 0x2e) + 0x10;
    uint32_t rsp[8], req[3] = { DISCOVERY, 3, 0 };

    for (int i = 0; i < (1 << 18) + 8; i++) {
        qtdisp_cfg_writel(d, d->rid, reg, CMA);
    }
    g_assert_cmphex(qtdisp_doe_status(d), ==, DOE_ERROR);
    qtdisp_doe_control(d, DOE_GO);
    g_assert_cmphex(qtdisp_doe_status(d), ==, DOE_ERROR);
    qtdisp_doe_control(d, DOE_ABORT);
    g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    g_assert_cmpuint(qtdisp_doe(d, req, 3, rsp, 8), ==, 3);
    qtdisp_quit(d);
}

static void test_narrow_accesses(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint16_t cap = qtdisp_find_ext_cap(d, d->rid, 0x2e);
    uint32_t rsp[8], req[3] = { DISCOVERY, 3, 0 };

    for (int i = 0; i < 3; i++) {
        qtdisp_cfg_writel(d, d->rid, cap + 0x10, req[i]);
        qtdisp_cfg_writeb(d, d->rid, cap + 0x10, 0x55);
        qtdisp_cfg_writew(d, d->rid, cap + 0x12, 0x55);
    }
    qtdisp_cfg_writeb(d, d->rid, cap + 0x0a, 0xff);
    g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
    qtdisp_cfg_writeb(d, d->rid, cap + 0x0b, 0x80);
    g_assert_cmphex(qtdisp_doe_status(d), ==, DOE_READY);
    g_assert_cmphex(qtdisp_cfg_readw(d, d->rid, cap + 0x0e), ==, 0x8000);
    g_assert_cmpuint(qtdisp_doe_receive(d, rsp, 8), ==, 3);
    qtdisp_quit(d);
}

/* Random objects: some answer or none, never a crash, never RUN. */
static void test_random_objects(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    GRand *rand = g_rand_new_with_seed(20261124);
    g_autofree uint32_t *rsp = g_new0(uint32_t, 0x8000);

    for (int i = 0; i < 1500; i++) {
        size_t words = g_rand_int_range(rand, i % 2 ? 7 : 3, 16);
        uint32_t req[16];

        for (size_t w = 0; w < words; w++) {
            req[w] = g_rand_int(rand);
        }
        req[0] = CMA;
        req[1] = words;
        if (i % 2) {    /* past the framing, into the TDISP message */
            req[2] = 0x0000fe12;
            req[3] = 0x01020003;
            req[4] = 0x01000000 | ((words * 4 - 19) << 8);
            req[5] = (req[5] & 0x0f00) | 0x8010;
            req[6] = d->rid;
        }
        qtdisp_doe(d, req, words, rsp, 0x8000);
        qtdisp_doe_control(d, DOE_ABORT);
    }
    g_rand_free(rand);
    g_assert_cmphex(qtdisp_state(d), !=, TDISP_STATE_RUN);
    qtdisp_quit(d);
}

/* A platform reset unlocks, and leaves no half object in the mailbox. */
static void test_reset(void)
{
    for (uint8_t state = 0; state < 4; state++) {
        QTdisp *d = qtdisp_start_testdev("");
        uint32_t req[3] = { DISCOVERY, 3, 0 };
        g_autofree char *name = NULL;

        qtdisp_go(d, state);
        qtdisp_doe_send(d, req, 3);
        qtest_system_reset(d->qts);
        name = qtdisp_get_str(d, "state");
        g_assert_cmpstr(name, ==, "CONFIG_UNLOCKED");
        qtest_outl(d->qts, 0xcf8, 0x80000060);
        qtest_outl(d->qts, 0xcfc, 0xb0000001);
        g_assert_cmphex(qtdisp_doe_status(d), ==, 0);
        qtdisp_map(d);
        qtdisp_go(d, TDISP_STATE_RUN);
        qtdisp_quit(d);
    }
}

void tdisp_test_add_doe(void)
{
    qtest_add_func("/tdisp/doe/discovery", test_discovery);
    qtest_add_func("/tdisp/doe/foreign-objects", test_foreign_objects);
    qtest_add_func("/tdisp/doe/other-spdm-requests", test_other_spdm_requests);
    qtest_add_func("/tdisp/doe/bad-framing", test_bad_framing);
    qtest_add_func("/tdisp/doe/transcript", test_transcript);
    qtest_add_func("/tdisp/doe/short-messages", test_short_messages);
    qtest_add_func("/tdisp/doe/go-while-ready", test_go_while_ready);
    qtest_add_func("/tdisp/doe/endless-object", test_endless_object);
    qtest_add_func("/tdisp/doe/narrow-accesses", test_narrow_accesses);
    qtest_add_func("/tdisp/doe/random-objects", test_random_objects);
    qtest_add_func("/tdisp/doe/reset", test_reset);
}
