/*
 * Ends of a binding that cannot be refused, also in the middle of a request,
 * and ends that fail
 *
 * Included once, by test-tdi-binding.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_BINDING_ENDS_H
#define TDI_BINDING_ENDS_H

static void reset_vm(void)
{
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    g_assert_false(f.mmio_private);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
}

/* A reset that comes before the request is back undoes what it did. */
static void test_reset_meanwhile(void)
{
    setup();
    f.on_relock = reset_vm;
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);

    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    f.on_relock = reset_vm;
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);

    to_run();
    f.on_relock = reset_vm;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_INVALID_STATE);
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);
    to_run();
    teardown();
}

/* MMIO that goes away: stopped, and out of reach until the guest knows. */
static void test_revoked(void)
{
    setup();
    tdi_binding_revoked(&f.binding, TDI_REASON_GUEST);
    g_assert_cmpstr(f.log->str, ==, "");
    to_run();
    tdi_binding_revoked(&f.binding, TDI_REASON_GUEST);
    g_assert_true(f.hidden);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    expect_state(TDISP_STATE_ERROR);
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.hidden);
    to_run();
    tdi_binding_revoked(&f.binding, TDI_REASON_GUEST);
    reset_vm();
    g_assert_false(f.hidden);
    teardown();
}

/*
 * MMIO that goes away, or a reset, and the TDI cannot be unbound: nobody gets
 * at it, and it remains private, until an unbind succeeds.
 */
static void test_forced_unbind_fails(void)
{
    setup();
    to_run();
    f.unbind_ret = -EIO;
    tdi_binding_revoked(&f.binding, TDI_REASON_GUEST);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
    g_assert_true(f.hidden && f.mmio_private);
    g_assert_true(tdi_binding_frozen(&f.binding));
    /* Each slice goes away; one try is enough. */
    g_string_truncate(f.log, 0);
    tdi_binding_revoked(&f.binding, TDI_REASON_GUEST);
    g_assert_cmpstr(f.log->str, ==, "");
    g_assert_false(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    g_assert_true(f.hidden && f.mmio_private);
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    g_assert_true(f.hidden && f.mmio_private);
    g_assert_cmpint(may_shared(0, 0x1000), ==, -EPERM);
    f.unbind_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.hidden || f.mmio_private);
    to_run();

    f.unbind_ret = -EIO;
    g_assert_false(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    g_assert_true(f.hidden && f.mmio_private);
    f.unbind_ret = 0;
    reset_vm();
    g_assert_false(f.hidden);
    to_run();
    teardown();
}

/* The same in the middle of a bind. */
static void lose_mmio(void)
{
    tdi_binding_revoked(&f.binding, TDI_REASON_GUEST);
}

static void test_revoked_meanwhile(void)
{
    setup();
    f.on_relock = lose_mmio;
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    g_assert_false(f.hidden || tdi_binding_frozen(&f.binding));
    f.unbind_ret = -EIO;
    f.on_relock = lose_mmio;
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    g_assert_true(f.hidden && tdi_binding_frozen(&f.binding));
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
    f.unbind_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    to_run();
    teardown();
}

/* Unbound, but some MMIO stays private: what ends a binding ends that, too. */
static void test_share_fails(void)
{
    setup();
    to_run();
    f.share_ret = -EIO;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    /* It is out of reach, and can only be unbound. */
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    expect_state(TDISP_STATE_ERROR);
    g_assert_true(f.hidden);
    g_assert_false(tdi_binding_frozen(&f.binding));
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    g_assert_true(f.mmio_private);
    f.share_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.mmio_private);
    g_string_truncate(f.log, 0);
    request_ok(TDCM_OP_UNBIND);
    g_assert_cmpstr(f.log->str, ==, "");

    to_run();
    f.share_ret = -EIO;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    f.share_ret = 0;
    reset_vm();
    to_run();
    f.share_ret = -EIO;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    f.share_ret = 0;
    g_assert_cmpint(ask(TDI_OPERATION_UNBIND, TDI_REASON_MONITOR), ==, 0);
    g_assert_false(f.mmio_private || f.hidden);
    teardown();
}

static void test_exit_leaves_mmio(void)
{
    setup();
    to_run();
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_EXIT));
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_true(f.mmio_private);
    teardown();
}

#endif /* TDI_BINDING_ENDS_H */
