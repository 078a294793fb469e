/*
 * Unit tests of the decoding of guest requests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tdi-fake.h"

/* Refusals of the call: nothing is touched, and nobody is asked */

typedef struct CallCase {
    const char *name;
    uint64_t devid, gpa, size, vector;
    int ret;
} CallCase;

static const CallCase calls[] = {
    { "no-such-device", RID + 1, RAM_BASE, 0x1000, 0, -EINVAL },
    { "wide-devid", RID | 1ULL << 32, RAM_BASE, 0x1000, 0, -EINVAL },
    { "empty", RID, RAM_BASE, 0, 0, -EINVAL },
    { "less-than-a-page", RID, RAM_BASE, 0xfff, 0, -EINVAL },
    { "odd-size", RID, RAM_BASE, 0x1800, 0, -EINVAL },
    { "too-large", RID, RAM_BASE, 0x11000, 0, -EINVAL },
    { "huge", RID, RAM_BASE, UINT64_MAX & ~0xfffULL, 0, -EINVAL },
    { "unaligned", RID, RAM_BASE + 8, 0x1000, 0, -EINVAL },
    { "wraps", RID, UINT64_MAX & ~0xfffULL, 0x2000, 0, -EINVAL },
    { "no-memory", RID, 0xfee00000, 0x1000, 0, -EINVAL },
    { "private", RID, RAM_BASE + SHARED_SIZE, 0x1000, 0, -EINVAL },
    { "partly-private", RID, RAM_BASE + SHARED_SIZE - 0x1000, 0x2000, 0,
      -EINVAL },
    { "vector-of-exception", RID, RAM_BASE, 0x1000, 31, -EINVAL },
    { "wide-vector", RID, RAM_BASE, 0x1000, 0x100, -EINVAL },
    { "very-wide-vector", RID, RAM_BASE, 0x1000, 1ULL << 32 | 0x40, -EINVAL },
};

static void test_call_refused(gconstpointer data)
{
    const CallCase *c = data;
    const struct tdcm_buffer *b;

    setup();
    b = buffer(TDCM_OP_BIND);
    if (c->gpa - RAM_BASE < 0x1000 - sizeof(*b)) {
        /* What is there would be a request. */
        memmove(f.ram + (c->gpa - RAM_BASE), b, sizeof(*b));
    }
    g_assert_cmpint(ring(c->devid, c->gpa, c->size, c->vector), ==, c->ret);
    g_assert_cmpstr(f.log->str, ==, "");
    g_assert_cmpint(f.refs, ==, 0);
    teardown();
}

static void test_bad_header(void)
{
    static const struct {
        size_t offset;
        uint8_t byte;
    } bytes[] = {
        { 2, 1 }, { 3, 1 }, { 4, 1 }, { 7, 0x80 },
        { 8, TDCM_STATUS_COMPLETED }, { 9, 1 }, { 10, 1 }, { 15, 1 },
        { 16, 0xed }, { 17, 0x10 }, { 19, 0xff },
    };
    int i;

    setup();
    for (i = 0; i < ARRAY_SIZE(bytes); i++) {
        buffer(TDCM_OP_BIND);
        f.ram[bytes[i].offset] = bytes[i].byte;
        g_assert_cmpint(ring(RID, RAM_BASE, 0x1000, 0), ==, -EINVAL);
        g_assert_cmpstr(f.log->str, ==, "");
    }
    teardown();
}

static void test_unknown_operation(void)
{
    static const uint16_t ops[] = {
        0, 8, 0x7f, 0x82, 0x100, 0xffff
    };
    int i;

    setup();
    for (i = 0; i < ARRAY_SIZE(ops); i++) {
        request_err(ops[i], TDCM_ERROR_DEVICE);
    }
    request_err(TDCM_OP_GET_DEV_INFO, TDCM_ERROR_DEVICE);
    g_assert_cmpstr(f.log->str, ==, "");
    teardown();
}

/* Whatever the guest writes into the header: an answer, and one look at it. */
static void test_noise(void)
{
    int i, j;

    setup();
    for (i = 0; i < 100000; i++) {
        struct tdcm_buffer *b = buffer(g_test_rand_int_range(0, 10));

        for (j = g_test_rand_int_range(0, 3); j > 0; j--) {
            f.ram[g_test_rand_int_range(0, sizeof(*b))] =
                1 << g_test_rand_int_range(0, 8);
        }
        f.mmio_private = g_test_rand_int() & 1;
        f.ready = g_test_rand_int() & 3;
        f.start_ret = g_test_rand_int() & 7 ? 0 : -EIO;
        f.bind_ret = g_test_rand_int() & 7 ? 0 : -EIO;
        f.report_len = g_test_rand_int_range(0, 0x1800);
        if (!ring(RID, RAM_BASE, 0x1000, 0)) {
            idle();
            g_assert_cmpint(b->status, !=, NO_ANSWER);
        }
        g_assert_cmpint(f.reads, ==, 1);
        g_assert_cmpint(f.refs, ==, 0);
        g_string_truncate(f.log, 0);
    }
    teardown();
}

static void each_request(int times)
{
    for (; times; times--) {
        request_ok(TDCM_OP_CHECK_TEEIO_SUPP);
        to_run();
        request_ok(TDCM_OP_GET_TDI_REPORT);
        f.code = 1;
        f.report_ret = -EIO;
        request_err(TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_TDISP);
        f.code = 0;
        f.report_ret = 0;
        request_err(0x7f, TDCM_ERROR_DEVICE);
        request_ok(TDCM_OP_UNBIND);
        g_string_truncate(f.log, 0);
    }
}

static void test_leaks(void)
{
    setup();
    leaves_nothing(each_request);
    teardown();
}

/* A reply longer than the guest has room for must not spill. */
static void test_report_does_not_fit(void)
{
    setup();
    f.report_len = 0x2000;
    request_ok(TDCM_OP_BIND);
    request_err(TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_TDX_MODULE);
    f.report_len = 0x100;
    g_assert_cmpint(le32_to_cpu(request_ok(TDCM_OP_GET_TDI_REPORT)
                                ->data_length), ==,
                    sizeof(TdispReport) + 2 * sizeof(TdispReportRange) + 4 +
                    0x100);
    teardown();
}

static uint8_t ring_event(uint16_t op, uint8_t vector)
{
    struct tdcm_buffer *b = buffer(op);

    g_assert_cmpint(ring(RID, RAM_BASE, 0x1000, vector), ==, 0);
    return b->status;
}

/* The vCPU does not wait, and the interrupt comes after the result. */
static void test_event(void)
{
    setup();
    g_assert_cmpint(ring_event(TDCM_OP_BIND, 32), ==, NO_ANSWER);
    g_assert_cmpint(f.interrupts, ==, 0);
    idle();
    g_assert_cmpint(f.interrupts, ==, 1);
    g_assert_cmpint(f.vector, ==, 32);
    g_assert_cmpint(f.found, ==, TDCM_STATUS_COMPLETED);

    /* What fails at once is told the same way. */
    g_assert_cmpint(ring_event(0x7f, 255), ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(f.interrupts, ==, 2);
    g_assert_cmpint(f.vector, ==, 255);
    g_assert_cmpint(f.found, ==, TDCM_STATUS_ERROR);

    /* Who polls gets none. */
    request_ok(TDCM_OP_GET_TDI_STATE);
    g_assert_cmpint(f.interrupts, ==, 2);
    teardown();
}

static void test_event_of_stopped(void)
{
    setup();
    f.stopped = true;
    ring_event(TDCM_OP_GET_TDI_STATE, 0x40);
    idle();
    g_assert_cmpint(f.interrupts, ==, 0);
    f.stopped = false;
    vfio_private_request_resume();
    g_assert_cmpint(f.interrupts, ==, 1);
    g_assert_cmpint(f.found, ==, TDCM_STATUS_COMPLETED);

    /* The next life of the VM did not ask. */
    ring_event(TDCM_OP_GET_TDI_STATE, 0x40);
    vfio_private_request_reset();
    idle();
    g_assert_cmpint(f.interrupts, ==, 1);
    teardown();
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(calls); i++) {
        g_autofree char *path = g_strdup_printf("/tdi-request/refuses/call/%s",
                                                calls[i].name);

        g_test_add_data_func(path, &calls[i], test_call_refused);
    }
    g_test_add_func("/tdi-request/refuses/bad-header", test_bad_header);
    g_test_add_func("/tdi-request/refuses/unknown-operation",
                    test_unknown_operation);
    g_test_add_func("/tdi-request/report-does-not-fit",
                    test_report_does_not_fit);
    g_test_add_func("/tdi-request/event", test_event);
    g_test_add_func("/tdi-request/event-of-stopped", test_event_of_stopped);
    g_test_add_func("/tdi-request/leaks", test_leaks);
    g_test_add_func("/tdi-request/noise", test_noise);
    return g_test_run();
}
