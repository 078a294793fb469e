/*
 * QTest of private device assignment on a simulated host: how a TDI ends
 *
 * By the end of QEMU, a reset of the VM, or the monitor, where something is in
 * the way.  All ends in all states are in vfio-private-sim-ends.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

/*
 * End of QEMU
 */

/* QEMU ends all the same, and says so; what is private stays so. */
static void test_quit_stuck(SimHost *host)
{
    unsigned int from;

    sim_expect_stuck(host);
    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    sim_fail_always(host, "TSM_UNBIND", EIO);
    sim_quit(host);
    sim_find(host, from, "TSM_UNBIND");
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
}

/*
 * Reset of the VM
 */

static void sim_reset(SimHost *host)
{
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "RESET");
}

/* The device is not reset, and out of the guest's reach. */
static void test_reset_stuck(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_expect_stuck(host);
    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    sim_fail_always(host, "TSM_UNBIND", EIO);
    sim_reset(host);
    g_assert_cmpuint(sim_count(host, from, "RESET"), ==, 0);
    sim_qmp_state(host, "unknown");
    /* It is tried at each reset, and told at the first. */
    sim_reset(host);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 2);
    sim_qmp_state(host, "unknown");
    sim_fail_no_more(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    sim_map_bars(host);
    sim_command(host, 6);
    sim_run(host);
}

/*
 * Monitor
 */

/* The guest does not know: its device is out of reach until it does. */
static void test_monitor(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    sim_in_order(host, from, "TSM_UNBIND", "SET_MEMORY_REGION", NULL);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   SIM_BAR2_SIZE), ==, UINT_MAX);
    sim_ok(host, TDCM_OP_UNBIND);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   SIM_BAR2_SIZE), !=, UINT_MAX);
    sim_qmp_command(host, "tdi-bind", "config-locked");
    sim_make_private(host);
    sim_ok(host, TDCM_OP_START_TDI);
}

/*
 * What could be turned shared of it stays out of reach of other devices, too.
 */
static void test_shared_in_part(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    sim_expect(host, "KVM does not turn 0xe0100000 + 0x100000 shared: Cannot "
               "allocate memory");
    sim_fail(host, "SET_ATTRIBUTES", 2, ENOMEM);
    from = sim_now(host);
    g_assert_cmpint(sim_tdcm(host, TDCM_OP_UNBIND).status, ==,
                    TDCM_STATUS_ERROR);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 2);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    sim_qmp_state(host, "hidden");
    sim_ok(host, TDCM_OP_UNBIND);
    g_assert_cmpuint(sim_find_args(host, from, "MAP_FILE", SIM_BAR2,
                                   SIM_BAR2_SIZE), !=, UINT_MAX);
    sim_run(host);
}

/* A VM that has ended and stays for its user to look at is not unbound. */
static void test_shutdown_pauses(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    host->after = "-action reboot=shutdown,shutdown=pause";
    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "SHUTDOWN");
    qtest_qmp_eventwait(host->qts, "STOP");
    sim_qmp_state(host, "run");
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'set-action', "
                             "'arguments': { 'reboot': 'reset' } }");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "RESET");
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
}

static const SimTest tests[] = {
    { "quit-stuck", test_quit_stuck },
    { "monitor", test_monitor },
};

void sim_test_add_exit(void)
{
    sim_add_tests("end", tests, ARRAY_SIZE(tests));
    /* There is no reset of a TDX guest. */
    qtest_add_func("vfio-private-sim/sw/end/reset-stuck", test_reset_stuck);
    qtest_add_func("vfio-private-sim/sw/end/shared-in-part",
                   test_shared_in_part);
    qtest_add_func("vfio-private-sim/sw/end/shutdown-pauses",
                   test_shutdown_pauses);
}
