/*
 * Unit tests of the monitor and TDIs: when a TSM is asked, and what for
 *
 * Included once by test-tdi-monitor.c, whose fakes it uses.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_UNIT_TDI_MONITOR_TSM_H
#define TESTS_UNIT_TDI_MONITOR_TSM_H

static void tsm_name_is(const char *name)
{
    g_autoptr(QDict) info = query();

    g_assert_cmpint(qdict_haskey(info, "tsm-kind"), ==, name != NULL);
    g_assert_cmpstr(qdict_get_try_str(info, "tsm"), ==, name);
}

static void test_tsm_name_follows(void)
{
    begin();
    f.connected = false;
    request_err(TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    tsm_name_is(NULL);
    f.connected = true;
    qmp_ok(BIND);
    idle();
    tsm_name_is("tsm0");
    /* The host has disconnected it, which unbinds it. */
    f.connected = false;
    f.state_ret = -ENXIO;
    expect_state(TDISP_STATE_ERROR);
    tsm_name_is(NULL);
    end();
}

static void disconnect_meanwhile(void)
{
    bql_lock();
    tdi_binding_disconnected(&f.binding);
    bql_unlock();
}

/* The kernel says so before sysfs does, whoever looks there meanwhile. */
static void test_disconnected_is_told(void)
{
    begin();
    qmp_ok(BIND);
    idle();
    tsm_name_is("tsm0");
    tdi_binding_disconnected(&f.binding);
    tsm_name_is(NULL);
    qmp_ok(UNBIND);
    idle();
    g_assert_cmpint(may_private(0, BAR_SIZE), ==, 0);
    /* Connected anew */
    request_ok(TDCM_OP_CHECK_TEEIO_SUPP);
    tsm_name_is("tsm0");
    qmp_ok(BIND);
    idle();
    f.state_ret = -ENXIO;
    f.on_tsm = disconnect_meanwhile;
    qmp_ok(REFRESH);
    idle();
    tsm_name_is(NULL);
    f.state_ret = 0;
    end();
}

static void tsm_waits_until_cancelled(void)
{
    qemu_sem_post(&tsm_entered);
    while (!qatomic_read(&f.binding.current->cancelled)) {
        g_usleep(20);
    }
}

/*
 * Who keeps the big lock waits for one call of the TSM, not for a row of them.
 */
static void test_reset_cuts_bind_short(void)
{
    begin();
    f.on_tsm = tsm_waits_until_cancelled;
    qmp_ok(BIND);
    until_entered();
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    idle();
    g_assert_cmpuint(f.reports, ==, 0);
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_CANCELED);
    qmp_ok(BIND);
    idle();
    g_assert_cmpuint(f.reports, ==, 1);
    query_is("config-locked", false);
    end();
}

#endif /* TESTS_UNIT_TDI_MONITOR_TSM_H */
