/*
 * TDISP responder: every message in every state, over the DOE mailbox
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define BAD_STATE   TDISP_ERR_INVALID_INTERFACE_STATE
#define UNKNOWN     TDISP_ERR_UNSUPPORTED_REQUEST
#define BAD_NONCE   TDISP_ERR_INVALID_NONCE

/* Answer to a well-formed request, by state; a zero nonce is a wrong one. */
static const struct {
    uint8_t code;
    uint32_t answer[4];     /* UNLOCKED, LOCKED, RUN, ERROR */
} answers[] = {
    { TDISP_GET_VERSION, { 0, 0, 0, 0 } },
    { TDISP_GET_CAPABILITIES, { 0, 0, 0, 0 } },
    { TDISP_LOCK_INTERFACE, { 0, BAD_STATE, BAD_STATE, BAD_STATE } },
    { TDISP_GET_DEVICE_INTERFACE_REPORT, { BAD_STATE, 0, 0, BAD_STATE } },
    { TDISP_GET_DEVICE_INTERFACE_STATE, { 0, 0, 0, 0 } },
    { TDISP_START_INTERFACE, { BAD_STATE, BAD_NONCE, BAD_STATE, BAD_STATE } },
    { TDISP_STOP_INTERFACE, { 0, 0, 0, 0 } },
    { TDISP_BIND_P2P_STREAM, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { TDISP_UNBIND_P2P_STREAM, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { TDISP_SET_MMIO_ATTRIBUTE, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { TDISP_VDM_REQUEST, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { TDISP_SET_TDISP_CONFIG, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { 0x80, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { 0xff, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { 0x01, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
    { TDISP_ERROR, { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN } },
};

/* State after the request, from a state */
static uint8_t state_after(uint8_t code, uint8_t state)
{
    if (code == TDISP_STOP_INTERFACE) {
        return TDISP_STATE_CONFIG_UNLOCKED;
    }
    if (code == TDISP_LOCK_INTERFACE && !state) {
        return TDISP_STATE_CONFIG_LOCKED;
    }
    return state;
}

static void test_every_message_in_every_state(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        for (uint8_t state = 0; state < 4; state++) {
            uint8_t code = answers[i].code;

            g_test_message("request 0x%02x in state %u", code, state);
            qtdisp_go(d, state);
            g_assert_cmphex(qtdisp_request(d, code), ==,
                            answers[i].answer[state]);
            g_assert_cmphex(qtdisp_state(d), ==, state_after(code, state));
        }
    }
    qtdisp_quit(d);
}

/* A request one byte short or long is INVALID_REQUEST, and changes nothing. */
static void test_wrong_length(void)
{
    static const struct {
        uint8_t code;
        size_t len;
    } requests[] = {
        { TDISP_GET_VERSION, 16 }, { TDISP_GET_CAPABILITIES, 20 },
        { TDISP_LOCK_INTERFACE, 36 },
        { TDISP_GET_DEVICE_INTERFACE_REPORT, 20 },
        { TDISP_GET_DEVICE_INTERFACE_STATE, 16 },
        { TDISP_START_INTERFACE, 48 }, { TDISP_STOP_INTERFACE, 16 },
    };
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t req[64] = { };
    TdispErrorRsp rsp;

    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        qtdisp_header(d, (TdispHeader *)req, requests[i].code);
        for (int delta = -1; delta <= 1; delta += 2) {
            qtdisp_message(d, req, requests[i].len + delta, &rsp, sizeof(rsp));
            g_assert_cmphex(rsp.hdr.type, ==, TDISP_ERROR);
            g_assert_cmphex(le32_to_cpu(rsp.code), ==,
                            TDISP_ERR_INVALID_REQUEST);
            g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_LOCKED);
        }
    }
    qtdisp_quit(d);
}

static uint32_t error_of(QTdisp *d, const TdispHeader *req, uint32_t *data)
{
    TdispErrorRsp rsp = { };

    qtdisp_message(d, req, sizeof(*req), &rsp, sizeof(rsp));
    *data = le32_to_cpu(rsp.data);
    return rsp.hdr.type == TDISP_ERROR ? le32_to_cpu(rsp.code) : 0;
}

static void test_version_mismatch(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    TdispHeader req;
    uint32_t data;

    qtdisp_header(d, &req, TDISP_GET_DEVICE_INTERFACE_STATE);
    req.version = 0x11;
    g_assert_cmphex(error_of(d, &req, &data), ==, TDISP_ERR_VERSION_MISMATCH);
    req.version = 0x20;
    g_assert_cmphex(error_of(d, &req, &data), ==, TDISP_ERR_VERSION_MISMATCH);

    /* GET_VERSION exists to find the common version. */
    req.type = TDISP_GET_VERSION;
    g_assert_cmphex(error_of(d, &req, &data), ==, TDISP_ERR_VERSION_MISMATCH);
    req.version = 0x11;
    g_assert_cmphex(error_of(d, &req, &data), ==, 0);
    qtdisp_quit(d);
}

static void test_unknown_request_names_its_code(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    TdispHeader req;
    uint32_t data;

    qtdisp_header(d, &req, TDISP_SET_TDISP_CONFIG);
    g_assert_cmphex(error_of(d, &req, &data), ==,
                    TDISP_ERR_UNSUPPORTED_REQUEST);
    g_assert_cmphex(data, ==, TDISP_SET_TDISP_CONFIG);
    qtdisp_quit(d);
}

static void test_unknown_interface(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    TdispHeader req;
    uint32_t data;

    qtdisp_header(d, &req, TDISP_GET_DEVICE_INTERFACE_STATE);
    req.function_id = cpu_to_le32(d->rid + 1);
    g_assert_cmphex(error_of(d, &req, &data), ==, TDISP_ERR_INVALID_INTERFACE);
    req.function_id = cpu_to_le32(d->rid | 1 << TDISP_FUNCTION_SEGMENT_SHIFT |
                                  TDISP_FUNCTION_SEGMENT_VALID);
    g_assert_cmphex(error_of(d, &req, &data), ==, TDISP_ERR_INVALID_INTERFACE);
    req.function_id = cpu_to_le32(d->rid | TDISP_FUNCTION_SEGMENT_VALID);
    g_assert_cmphex(error_of(d, &req, &data), ==, 0);
    qtdisp_quit(d);
}

static void test_capabilities(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    TdispCapabilitiesReq req = { };
    TdispCapabilitiesRsp rsp;
    uint16_t exp = qtdisp_find_cap(d, d->rid, 0x10);

    g_assert_cmphex(qtdisp_cfg_readl(d, d->rid, exp + 4) &
                    TDISP_PCI_EXP_DEVCAP_TEE_IO, !=, 0);
    qtdisp_header(d, &req.hdr, TDISP_GET_CAPABILITIES);
    g_assert_cmpuint(qtdisp_message(d, &req, sizeof(req), &rsp, sizeof(rsp)),
                     ==, sizeof(rsp));
    g_assert_cmphex(rsp.req_msgs_supported[0], ==, 0xfe);
    for (int i = 1; i < 16; i++) {
        g_assert_cmphex(rsp.req_msgs_supported[i], ==, 0);
    }
    g_assert_cmphex(le32_to_cpu(rsp.dsm_caps), ==, 0);
    g_assert_cmphex(le16_to_cpu(rsp.lock_flags_supported), ==,
                    TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_CACHE_LINE_128 |
                    TDISP_LOCK_MSIX);
    g_assert_cmpuint(rsp.dev_addr_width, ==, 64);
    g_assert_cmpuint(rsp.num_req_this, ==, 1);
    g_assert_cmpuint(rsp.num_req_all, ==, 1);
    qtdisp_quit(d);
}

static void test_nonce_is_single_use(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t first[TDISP_NONCE_SIZE], second[TDISP_NONCE_SIZE];

    g_assert_cmphex(qtdisp_lock(d, first), ==, 0);
    first[31] ^= 0x80;
    g_assert_cmphex(qtdisp_start_interface(d, first), ==, BAD_NONCE);
    first[31] ^= 0x80;
    g_assert_cmphex(qtdisp_start_interface(d, first), ==, 0);
    g_assert_cmphex(qtdisp_start_interface(d, first), ==, BAD_STATE);

    /* The nonce of a former LOCK starts nothing. */
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    g_assert_cmphex(qtdisp_start_interface(d, first), ==, BAD_STATE);
    g_assert_cmphex(qtdisp_lock(d, second), ==, 0);
    g_assert_false(!memcmp(first, second, sizeof(first)));
    g_assert_cmphex(qtdisp_start_interface(d, first), ==, BAD_NONCE);
    g_assert_cmphex(qtdisp_start_interface(d, second), ==, 0);
    qtdisp_quit(d);
}

static void test_nonce_dies_with_error(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t nonce[TDISP_NONCE_SIZE];

    g_assert_cmphex(qtdisp_lock(d, nonce), ==, 0);
    qtdisp_set_bool(d, "x-fault-error", true);
    g_assert_cmphex(qtdisp_start_interface(d, nonce), ==, BAD_STATE);
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    g_assert_cmphex(qtdisp_lock(d, NULL), ==, 0);
    g_assert_cmphex(qtdisp_start_interface(d, nonce), ==, BAD_NONCE);
    qtdisp_quit(d);
}

/* Range @i of a report, in host byte order */
static TdispReportRange range(const uint8_t *report, int i)
{
    TdispReportRange r;

    memcpy(&r, report + sizeof(TdispReport) + i * sizeof(r), sizeof(r));
    r.first_page = le64_to_cpu(r.first_page);
    r.pages = le32_to_cpu(r.pages);
    r.attributes = le16_to_cpu(r.attributes);
    r.range_id = le16_to_cpu(r.range_id);
    return r;
}

static const struct {
    uint32_t offset;
    uint32_t pages;
    uint16_t attributes;        /* MSI-X locked */
    uint16_t attributes_open;   /* MSI-X not locked */
    uint16_t bar;
} ranges[] = {
    { 0x00000, 0x10, 0, 0, 0 },
    { 0x10000, 0x10, TDISP_RANGE_NON_TEE, TDISP_RANGE_NON_TEE, 0 },
    { 0x20000, 0x01, TDISP_RANGE_MSIX_TABLE, TDISP_RANGE_NON_TEE, 0 },
    { 0x21000, 0x0f, 0, 0, 0 },
    { 0x30000, 0x01, TDISP_RANGE_MSIX_PBA, TDISP_RANGE_NON_TEE, 0 },
    { 0x31000, 0x0f, 0, 0, 0 },
    { 0x00000, 0x100, 0, 0, 2 },
};

static void check_report(QTdisp *d, uint16_t flags, uint64_t offset)
{
    const char info[] = "QEMU tdi-testdev";
    TdispLockReq lock = {
        .flags = cpu_to_le16(flags),
        .mmio_reporting_offset = cpu_to_le64(offset),
    };
    uint8_t buf[1024];
    TdispReport head;
    size_t len, end;

    g_assert_cmphex(qtdisp_lock_flags(d, &lock, NULL), ==, 0);
    len = qtdisp_report(d, 512, buf, sizeof(buf));
    memcpy(&head, buf, sizeof(head));
    g_assert_cmphex(le16_to_cpu(head.interface_info), ==,
                    TDISP_INFO_DMA_WITHOUT_PASID |
                    (flags & TDISP_LOCK_NO_FW_UPDATE));
    g_assert_cmphex(le16_to_cpu(head.msix_message_control), ==,
                    flags & TDISP_LOCK_MSIX ? TDI_TESTDEV_NR_VECTORS - 1 : 0);
    g_assert_cmpuint(le32_to_cpu(head.mmio_range_count), ==,
                     ARRAY_SIZE(ranges));
    for (int i = 0; i < ARRAY_SIZE(ranges); i++) {
        TdispReportRange r = range(buf, i);
        uint64_t base = ranges[i].bar ? d->bar2 : d->bar0;

        g_assert_cmphex(r.first_page, ==,
                        (base + ranges[i].offset + offset) >> 12);
        g_assert_cmphex(r.pages, ==, ranges[i].pages);
        g_assert_cmphex(r.range_id, ==, ranges[i].bar);
        g_assert_cmphex(r.attributes, ==, flags & TDISP_LOCK_MSIX ?
                        ranges[i].attributes : ranges[i].attributes_open);
    }
    end = sizeof(head) + sizeof(TdispReportRange) * ARRAY_SIZE(ranges);
    g_assert_cmpuint(len, ==, end + 4 + strlen(info));
    g_assert_cmpuint(ldl_le_p(buf + end), ==, strlen(info));
    g_assert_cmpmem(buf + end + 4, strlen(info), info, strlen(info));
    g_assert_cmphex(qtdisp_stop(d), ==, 0);
}

static void test_report(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    check_report(d, 0, 0);
    check_report(d, TDISP_LOCK_MSIX, 0);
    check_report(d, TDISP_LOCK_NO_FW_UPDATE, 0x7000);
    check_report(d, TDISP_LOCK_MSIX | TDISP_LOCK_NO_FW_UPDATE,
                 -(uint64_t)QTDISP_BAR0);
    qtdisp_quit(d);
}

static void test_report_in_portions(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint8_t whole[512], parts[512];
    uint16_t len, remainder;
    size_t size;

    qtdisp_go(d, TDISP_STATE_RUN);
    size = qtdisp_report(d, 300, whole, sizeof(whole));
    for (uint16_t portion = 1; portion < 40; portion += 13) {
        g_assert_cmpuint(qtdisp_report(d, portion, parts, sizeof(parts)), ==,
                         size);
        g_assert_cmpmem(whole, size, parts, size);
    }

    /* Only the running offset goes on; 0 starts anew. */
    len = 10;
    g_assert_cmphex(qtdisp_report_portion(d, 0, &len, &remainder, parts), ==,
                    0);
    g_assert_cmpuint(remainder, ==, size - 10);
    for (uint16_t offset = 1; offset < size + 2; offset++) {
        if (offset != 10) {
            len = 1;
            g_assert_cmphex(qtdisp_report_portion(d, offset, &len, &remainder,
                                                  parts), ==,
                            TDISP_ERR_INVALID_REQUEST);
        }
    }
    len = 0;
    g_assert_cmphex(qtdisp_report_portion(d, 10, &len, &remainder, parts), ==,
                    TDISP_ERR_INVALID_REQUEST);
    len = 0xffff;
    g_assert_cmphex(qtdisp_report_portion(d, 10, &len, &remainder, parts), ==,
                    0);
    g_assert_cmpuint(len, ==, size - 10);
    g_assert_cmpuint(remainder, ==, 0);
    g_assert_cmphex(qtdisp_report_portion(d, size, &len, &remainder, parts),
                    ==, TDISP_ERR_INVALID_REQUEST);
    qtdisp_quit(d);
}

static void test_lock_refuses_bad_fields(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    TdispLockReq good = { }, req;

    for (int bit = 0; bit < 16; bit++) {
        req = good;
        req.flags = cpu_to_le16(1 << bit);
        g_assert_cmphex(qtdisp_lock_flags(d, &req, NULL), ==,
                        bit < 3 ? 0 : TDISP_ERR_INVALID_REQUEST);
        g_assert_cmphex(qtdisp_stop(d), ==, 0);
    }
    req = good;
    req.mmio_reporting_offset = cpu_to_le64(0x800);
    g_assert_cmphex(qtdisp_lock_flags(d, &req, NULL), ==,
                    TDISP_ERR_INVALID_REQUEST);
    req = good;
    req.bind_p2p_address_mask = cpu_to_le64(1);
    g_assert_cmphex(qtdisp_lock_flags(d, &req, NULL), ==,
                    TDISP_ERR_INVALID_REQUEST);
    req = good;
    req.default_stream_id = 1;
    g_assert_cmphex(qtdisp_lock_flags(d, &req, NULL), ==,
                    TDISP_ERR_INVALID_DEVICE_CONFIG);
    g_assert_cmphex(qtdisp_state(d), ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmphex(qtdisp_lock_flags(d, &good, NULL), ==, 0);
    qtdisp_quit(d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("/tdisp/every-message-in-every-state",
                   test_every_message_in_every_state);
    qtest_add_func("/tdisp/wrong-length", test_wrong_length);
    qtest_add_func("/tdisp/version-mismatch", test_version_mismatch);
    qtest_add_func("/tdisp/unknown-request-names-its-code",
                   test_unknown_request_names_its_code);
    qtest_add_func("/tdisp/unknown-interface", test_unknown_interface);
    qtest_add_func("/tdisp/capabilities", test_capabilities);
    qtest_add_func("/tdisp/nonce-is-single-use", test_nonce_is_single_use);
    qtest_add_func("/tdisp/nonce-dies-with-error", test_nonce_dies_with_error);
    qtest_add_func("/tdisp/report", test_report);
    qtest_add_func("/tdisp/report-in-portions", test_report_in_portions);
    qtest_add_func("/tdisp/lock-refuses-bad-fields",
                   test_lock_refuses_bad_fields);
    tdisp_test_add_doe();
    tdisp_test_add_config();
    tdisp_test_add_data();
    tdisp_test_add_dma();
    tdisp_test_add_vf();
    tdisp_test_add_knobs();
    tdisp_test_add_nvme();
    tdisp_test_add_spdm();
    tdisp_test_add_svm();
    return g_test_run();
}
