/*
 * The kernel tells that the host has unbound a TDI, while something else goes
 * on; or does not, and a vCPU misses it
 *
 * Included once, by test-tdi-binding.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_BINDING_TOLD_H
#define TDI_BINDING_TOLD_H

static void tell(void)
{
    f.ended = true;
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    g_assert_true(f.hidden);
}

/* The TSM is at work, and may be for long. */
static void tell_meanwhile(void)
{
    bql_lock();
    tell();
    bql_unlock();
}

static const struct {
    uint16_t op;
    const char *log;
} told_ops[] = {
    { TDCM_OP_GET_TDI_STATE, "state remap stop " },
    { TDCM_OP_GET_TDI_REPORT, "report remap stop " },
    { TDCM_OP_START_TDI, "start remap stop " },
};

/* Nobody waits for that, and nothing comes of it. */
static void test_told_meanwhile(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(told_ops); i++) {
        setup();
        request_ok(TDCM_OP_BIND);
        f.mmio_private = true;
        g_string_truncate(f.log, 0);
        f.on_tsm = tell_meanwhile;
        request_err(told_ops[i].op, TDCM_ERROR_INVALID_STATE);
        g_assert_cmpstr(f.log->str, ==, told_ops[i].log);
        g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
        request_ok(TDCM_OP_UNBIND);
        g_assert_false(f.hidden || f.mmio_private);
        to_run();
        teardown();
    }
}

static void test_told_in_dma(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    f.on_tsm = tell_meanwhile;
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    g_assert_false(f.dma);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    teardown();
}

/* The guest wants it unbound, too, and need not ask once more. */
static void test_told_in_unbind(void)
{
    setup();
    to_run();
    g_string_truncate(f.log, 0);
    f.on_tsm = tell_meanwhile;
    request_ok(TDCM_OP_UNBIND);
    g_assert_cmpstr(f.log->str, ==, "stop remap share remap ");
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);
    to_run();
    teardown();
}

/* A bind that is not known to have been one is not known to have ended. */
static void bound_and_ended(void)
{
    bql_lock();
    g_string_truncate(f.log, 0);
    f.ended = true;
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_CONFIG_UNLOCKED);
    bql_unlock();
}

static void test_told_in_bind(void)
{
    setup();
    f.on_tsm = bound_and_ended;
    request_ok(TDCM_OP_BIND);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    g_assert_cmpstr(f.log->str, ==, "report remap stop ");
    g_assert_false(f.ended);
    teardown();
}

/* Who ends it before the kernel knows that QEMU knows tells it. */
static void test_told_and_reset(void)
{
    setup();
    to_run();
    g_string_truncate(f.log, 0);
    tell();
    reset_vm();
    g_assert_cmpstr(f.log->str, ==, "remap stop share remap ");
    idle();
    g_assert_cmpstr(f.log->str, ==, "remap stop share remap ");
    g_assert_false(f.ended || f.hidden);
    to_run();
    teardown();
}

static void test_told_and_unbound(void)
{
    TDIRequest unbind = {
        .operation = TDI_OPERATION_UNBIND,
        .reason = TDI_REASON_MONITOR,
        .done = ask_done,
    };

    setup();
    g_assert_cmpint(ask(TDI_OPERATION_BIND, TDI_REASON_MONITOR), ==, 0);
    g_string_truncate(f.log, 0);
    tdi_submit(&f.binding, &unbind);
    tell();
    idle();
    g_assert_cmpint(unbind.ret, ==, 0);
    g_assert_cmpstr(f.log->str, ==, "remap stop share remap ");
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_CONFIG_UNLOCKED);
    to_run();
    teardown();
}

/* While the device is asked for that reason, and has said that all is well */
static void tell_of_error(void)
{
    f.tdi = TDISP_STATE_ERROR;
    tdi_binding_told(&f.binding, TDI_REASON_DEVICE_ERROR);
}

/* What is told then is not what is being looked at. */
static void test_told_while_looking(void)
{
    setup();
    to_run();
    g_string_truncate(f.log, 0);
    f.on_relock = tell_of_error;
    tdi_binding_told(&f.binding, TDI_REASON_DEVICE_ERROR);
    idle();
    g_assert_cmpstr(f.log->str, ==, "state state ");
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_ERROR);
    teardown();
}

/* A device that fails over and over keeps nobody from being served. */
static void test_told_often(void)
{
    int i;

    setup();
    to_run();
    g_string_truncate(f.log, 0);
    for (i = 0; i < 5; i++) {
        tdi_binding_told(&f.binding, TDI_REASON_DEVICE_ERROR);
    }
    idle();
    g_assert_cmpstr(f.log->str, ==, "state ");
    teardown();
}

static void miss(void)
{
    tdi_binding_missed(&f.binding, 1, 0x1000);
}

/* Some other vCPU does, after that one */
static void miss_too(void)
{
    tdi_binding_missed(&f.binding, 0, 0x2000);
}

/* Of what counts as bound, the device is asked; each state is told once. */
static void test_missed(void)
{
    setup();
    miss();
    miss_too();
    miss();
    g_assert_cmpuint(f.missed, ==, 1);
    g_assert_cmpstr(f.log->str, ==, "");
    to_run();
    g_string_truncate(f.log, 0);
    miss();
    g_assert_cmpuint(f.missed, ==, 1);
    idle();
    g_assert_cmpstr(f.log->str, ==, "state ");
    miss();
    miss_too();
    miss();
    g_assert_cmpuint(f.missed, ==, 2);
    g_assert_cmpstr(f.log->str, ==, "state ");
    /* Bound anew, it is asked anew. */
    request_ok(TDCM_OP_UNBIND);
    to_run();
    g_string_truncate(f.log, 0);
    miss();
    idle();
    g_assert_cmpstr(f.log->str, ==, "state ");
    miss();
    g_assert_cmpuint(f.missed, ==, 3);
    teardown();
}

/* The host has unbound it: that is seen then, and is another state. */
static void test_missed_and_gone(void)
{
    setup();
    to_run();
    g_string_truncate(f.log, 0);
    f.state_ret = -ENXIO;
    miss();
    /* What is going on is waited for. */
    miss();
    g_assert_cmpuint(f.missed, ==, 0);
    idle();
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    f.state_ret = 0;
    miss();
    miss();
    g_assert_cmpuint(f.missed, ==, 1);
    request_ok(TDCM_OP_UNBIND);
    miss();
    g_assert_cmpuint(f.missed, ==, 2);
    g_assert_false(tdi_binding_busy(&f.binding));
    to_run();
    teardown();
}

#endif /* TDI_BINDING_TOLD_H */
