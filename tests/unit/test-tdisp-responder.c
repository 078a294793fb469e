/*
 * The TDISP responder alone: what a device cannot be made to do
 *
 * The qtest (tests/qtest/tdisp-test.c) walks messages and states; here are the
 * order of the callbacks, a source of entropy that fails, and a large report.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/tdisp/responder.h"

typedef struct Device {
    TdispResponder r;
    GString *calls;         /* one letter per callback */
    bool no_entropy;
    uint32_t refuse;
    size_t report_size;
    uint8_t next_nonce;
    uint8_t rsp[TDISP_RESPONSE_MAX];
    size_t rsp_len;
} Device;

static uint32_t dev_lock(void *opaque, const TdispLock *lock)
{
    Device *d = opaque;

    g_string_append_c(d->calls, 'L');
    return d->refuse;
}

static GByteArray *dev_report(void *opaque, const TdispLock *lock)
{
    Device *d = opaque;
    GByteArray *report = g_byte_array_sized_new(d->report_size);

    g_string_append_c(d->calls, 'R');
    g_byte_array_set_size(report, d->report_size);
    for (size_t i = 0; i < d->report_size; i++) {
        report->data[i] = i * 31 + (i >> 8);
    }
    return report;
}

static bool dev_random(void *opaque, void *buf, size_t len)
{
    Device *d = opaque;

    g_string_append_c(d->calls, 'N');
    memset(buf, ++d->next_nonce, len);
    return !d->no_entropy;
}

static void dev_changed(void *opaque, TdispState from, const char *reason)
{
    Device *d = opaque;

    g_assert_nonnull(reason);
    g_assert_cmphex(from, !=, d->r.state);
    g_string_append_printf(d->calls, "%u", d->r.state);
    if (d->r.state == TDISP_STATE_ERROR) {
        /* What was locked must still be known: it tells what to close. */
        g_assert_cmphex(d->r.lock.flags, ==, TDISP_LOCK_MSIX);
    }
}

static void dev_scrub(void *opaque)
{
    Device *d = opaque;

    g_assert_cmphex(d->r.state, !=, TDISP_STATE_CONFIG_UNLOCKED);
    g_string_append_c(d->calls, 'S');
}

static const TdispResponderOps dev_ops = {
    dev_lock, dev_report, dev_random, dev_changed, dev_scrub,
};

static void setup(Device *d)
{
    memset(d, 0, sizeof(*d));
    d->calls = g_string_new("");
    d->report_size = 100;
    tdisp_responder_init(&d->r, &dev_ops, d, TDISP_LOCK_MSIX);
}

static void teardown(Device *d)
{
    tdisp_responder_fini(&d->r);
    tdisp_responder_fini(&d->r);
    g_string_free(d->calls, true);
}

static void expect_calls(Device *d, const char *calls)
{
    g_assert_cmpstr(d->calls->str, ==, calls);
    g_string_truncate(d->calls, 0);
}

/* 0 or the error code of the answer to @req */
static uint32_t ask(Device *d, const void *req, size_t len)
{
    const TdispErrorRsp *error = (TdispErrorRsp *)d->rsp;

    memset(d->rsp, 0xee, sizeof(d->rsp));
    d->rsp_len = tdisp_respond(&d->r, req, len, d->rsp);
    g_assert_cmpuint(d->rsp_len, <=, sizeof(d->rsp));
    return error->hdr.type == TDISP_ERROR ? le32_to_cpu(error->code) : 0;
}

static uint32_t lock(Device *d)
{
    TdispLockReq req = {
        .hdr = { TDISP_VERSION_1_0, TDISP_LOCK_INTERFACE },
        .flags = cpu_to_le16(TDISP_LOCK_MSIX),
    };

    return ask(d, &req, sizeof(req));
}

static uint32_t start(Device *d, uint8_t nonce)
{
    TdispNonceMsg req = { { TDISP_VERSION_1_0, TDISP_START_INTERFACE } };

    memset(req.nonce, nonce, sizeof(req.nonce));
    return ask(d, &req, sizeof(req));
}

static uint32_t stop(Device *d)
{
    TdispHeader req = { TDISP_VERSION_1_0, TDISP_STOP_INTERFACE };

    return ask(d, &req, sizeof(req));
}

static void test_order(void)
{
    Device d;

    setup(&d);
    g_assert_cmphex(stop(&d), ==, 0);
    expect_calls(&d, "");
    g_assert_cmphex(lock(&d), ==, 0);
    expect_calls(&d, "NLR1");
    g_assert_cmphex(start(&d, 1), ==, 0);
    expect_calls(&d, "2");
    g_assert_true(tdisp_responder_error(&d.r, "test"));
    expect_calls(&d, "3");
    g_assert_false(tdisp_responder_error(&d.r, "again"));
    expect_calls(&d, "");
    g_assert_cmphex(stop(&d), ==, 0);
    expect_calls(&d, "S0");
    g_assert_false(tdisp_responder_error(&d.r, "unlocked"));
    tdisp_responder_unlock(&d.r, "again");
    expect_calls(&d, "");
    teardown(&d);
}

/* A refused LOCK changed nothing, and its nonce is good for nothing. */
static void test_refusals(void)
{
    Device d;

    setup(&d);
    d.no_entropy = true;
    g_assert_cmphex(lock(&d), ==, TDISP_ERR_INSUFFICIENT_ENTROPY);
    expect_calls(&d, "N");
    d.no_entropy = false;
    d.refuse = TDISP_ERR_INVALID_DEVICE_CONFIG;
    g_assert_cmphex(lock(&d), ==, TDISP_ERR_INVALID_DEVICE_CONFIG);
    expect_calls(&d, "NL");
    g_assert_cmphex(d.r.state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    d.refuse = 0;
    g_assert_cmphex(lock(&d), ==, 0);
    g_assert_cmphex(start(&d, 2), ==, TDISP_ERR_INVALID_NONCE);
    g_assert_cmphex(start(&d, 3), ==, 0);
    teardown(&d);
}

/* The nonce is wiped when it is used up, and whenever the lock goes. */
static void test_nonce_is_wiped(void)
{
    static const uint8_t zero[TDISP_NONCE_SIZE];
    Device d;

    setup(&d);
    for (int way = 0; way < 3; way++) {
        g_assert_cmphex(lock(&d), ==, 0);
        g_assert_cmphex(d.r.nonce[0], ==, d.next_nonce);
        switch (way) {
        case 0:
            g_assert_cmphex(start(&d, d.next_nonce), ==, 0);
            break;
        case 1:
            tdisp_responder_error(&d.r, "test");
            break;
        default:
            tdisp_responder_unlock(&d.r, "test");
            break;
        }
        g_assert_false(d.r.nonce_valid);
        g_assert_cmpmem(d.r.nonce, sizeof(zero), zero, sizeof(zero));
        g_assert_cmphex(stop(&d), ==, 0);
    }
    /* All zero was never a valid nonce. */
    g_assert_cmphex(lock(&d), ==, 0);
    g_assert_cmphex(start(&d, 0), ==, TDISP_ERR_INVALID_NONCE);
    teardown(&d);
}

static void test_largest_report(void)
{
    TdispReportReq req = {
        .hdr = { TDISP_VERSION_1_0, TDISP_GET_DEVICE_INTERFACE_REPORT },
        .length = cpu_to_le16(0xffff),
    };
    const TdispReportRsp *rsp;
    Device d;

    setup(&d);
    rsp = (TdispReportRsp *)d.rsp;
    d.report_size = 0xffff;
    g_assert_cmphex(lock(&d), ==, 0);
    g_assert_cmphex(ask(&d, &req, sizeof(req)), ==, 0);
    g_assert_cmpuint(le16_to_cpu(rsp->portion_length), ==, TDISP_PORTION_MAX);
    g_assert_cmpuint(le16_to_cpu(rsp->remainder_length), ==,
                     0xffff - TDISP_PORTION_MAX);
    g_assert_cmpuint(d.rsp_len, ==, TDISP_RESPONSE_MAX);
    g_assert_cmpmem(rsp + 1, TDISP_PORTION_MAX, d.r.report->data,
                    TDISP_PORTION_MAX);
    req.offset = cpu_to_le16(TDISP_PORTION_MAX);
    g_assert_cmphex(ask(&d, &req, sizeof(req)), ==, 0);
    g_assert_cmpuint(le16_to_cpu(rsp->portion_length), ==,
                     0xffff - TDISP_PORTION_MAX);
    g_assert_cmpuint(le16_to_cpu(rsp->remainder_length), ==, 0);
    teardown(&d);
}

/* Any bytes in any length get one answer that is a TDISP message. */
static void test_any_bytes(void)
{
    GRand *rand = g_rand_new_with_seed(2026);
    uint8_t req[64];
    Device d;

    setup(&d);
    for (int i = 0; i < 200000; i++) {
        size_t len = g_rand_int_range(rand, 0, sizeof(req) + 1);
        const TdispHeader *hdr = (TdispHeader *)d.rsp;

        for (size_t n = 0; n < len; n++) {
            req[n] = g_rand_int(rand);
        }
        if (len > 1 && i % 4) {
            req[0] = TDISP_VERSION_1_0;
            req[1] = 0x80 | (req[1] & 0xf);
        }
        ask(&d, req, len);
        g_assert_cmpuint(d.rsp_len, >=, sizeof(*hdr));
        g_assert_cmphex(hdr->version, ==, TDISP_VERSION_1_0);
        g_assert_cmphex(hdr->type & 0x80, ==, 0);
        g_assert_cmphex(d.r.state, !=, TDISP_STATE_RUN);
    }
    g_rand_free(rand);
    teardown(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tdisp-responder/order", test_order);
    g_test_add_func("/tdisp-responder/refusals", test_refusals);
    g_test_add_func("/tdisp-responder/nonce-is-wiped", test_nonce_is_wiped);
    g_test_add_func("/tdisp-responder/largest-report", test_largest_report);
    g_test_add_func("/tdisp-responder/any-bytes", test_any_bytes);
    return g_test_run();
}
