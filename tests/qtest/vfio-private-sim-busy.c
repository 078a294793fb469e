/*
 * QTest of private device assignment on a simulated host: a TSM takes its time
 *
 * What can wait is refused, what cannot be refused waits, and everything else
 * goes on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/pci_regs.h"
#include "vfio-private-sim.h"

#define LITTLE_LATER_US 30000

static const char *const names[] = {
    [TDCM_OP_BIND] = "TSM_BIND",
    [TDCM_OP_START_TDI] = "TSM_SET_STATE",
    [TDCM_OP_GET_TDI_REPORT] = "TSM_READ_OBJECT",
    [TDCM_OP_UNBIND] = "TSM_UNBIND",
};

/* Returns once the TSM is at work. */
static unsigned int sim_begin(SimHost *host, uint16_t operation)
{
    unsigned int from = sim_now(host);

    sim_stall(host, names[operation]);
    sim_tdcm_begin(host, operation);
    while (!sim_count(host, from, names[operation])) {
        g_usleep(100);
    }
    return from;
}

/* The same, of a device that is in the state for it */
static unsigned int sim_prepare_and_begin(SimHost *host, uint16_t operation)
{
    if (operation != TDCM_OP_BIND) {
        sim_lock(host);
        sim_make_private(host);
    }
    return sim_begin(host, operation);
}

static gpointer sim_release_later(gpointer opaque)
{
    SimHost *host = opaque;

    g_usleep(LITTLE_LATER_US);
    /* Who waits has not gone on before. */
    host->waited = !sim_count(host, host->since, "RESET");
    sim_release(host);
    return NULL;
}

/* For what waits for the TSM, which has been at work since @from */
static GThread *sim_release_from(SimHost *host, unsigned int from)
{
    host->since = from;
    return g_thread_new("release", sim_release_later, host);
}

static void check_refused_by_monitor(SimHost *host, const char *command)
{
    QDict *error = qtest_qmp_assert_failure_ref(host->qts,
        "{ 'execute': %s, 'arguments': { 'id': 'dev0' } }", command);

    g_assert_nonnull(strstr(qdict_get_str(error, "desc"),
                            "another operation is in progress"));
    qobject_unref(error);
}

/* The monitor, config space and other memory do not wait. */
static void test_others_go_on(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_begin(host, TDCM_OP_BIND);
    sim_qmp_state(host, "config-unlocked");
    check_refused_by_monitor(host, "tdi-bind");
    check_refused_by_monitor(host, "tdi-unbind");
    /* Frozen, since it may be bound by now. */
    sim_command(host, 0);
    g_assert_cmphex(sim_config_read(host, PCI_COMMAND) & 6, ==, 6);
    g_assert_cmphex(qtest_readl(host->qts, 0x300000), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "SET_MEMORY_REGION"), ==, 0);
    sim_release(host);
    g_assert_cmpint(sim_tdcm_end(host).status, ==, TDCM_STATUS_COMPLETED);
    sim_qmp_state(host, "config-locked");
}

static void test_quit(SimHost *host, uint16_t operation)
{
    g_autoptr(GThread) thread = NULL;
    unsigned int from;

    sim_start_mapped(host);
    from = sim_prepare_and_begin(host, operation);
    thread = sim_release_from(host, from);
    sim_quit(host);
    g_thread_join(g_steal_pointer(&thread));
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmpuint(sim_count(host, from, "kernel unbinds"), ==, 0);
    /* Once, by whom it may be. */
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    g_assert_cmpuint(sim_find(host, from, names[operation]), <=,
                     sim_find(host, from, "TSM_UNBIND"));
}

static void test_quit_in_bind(SimHost *host)
{
    test_quit(host, TDCM_OP_BIND);
}

static void test_quit_in_start(SimHost *host)
{
    test_quit(host, TDCM_OP_START_TDI);
}

static void test_quit_in_unbind(SimHost *host)
{
    test_quit(host, TDCM_OP_UNBIND);
}

/* By a thread of the monitor, and QEMU ends meanwhile. */
static void test_quit_in_monitor_bind(SimHost *host)
{
    g_autoptr(GThread) thread = NULL;
    unsigned int from;

    sim_start_mapped(host);
    from = sim_now(host);
    sim_stall(host, "TSM_BIND");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'tdi-bind', 'arguments':"
                             " { 'id': 'dev0' } }");
    while (!sim_count(host, from, "TSM_BIND")) {
        g_usleep(100);
    }
    thread = sim_release_from(host, from);
    sim_quit(host);
    g_thread_join(g_steal_pointer(&thread));
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmpuint(sim_count(host, from, "kernel unbinds"), ==, 0);
}

/*
 * Another vCPU resets the bus while one starts the device: the reset waits for
 * the TSM, and the start comes to nothing.
 */
static void test_bus_reset(SimHost *host, uint16_t operation)
{
    g_autoptr(GThread) thread = NULL;
    SimReply reply;
    unsigned int from;

    sim_start_behind(host);
    from = sim_prepare_and_begin(host, operation);
    thread = sim_release_from(host, from);
    sim_bus_reset(host);
    g_thread_join(g_steal_pointer(&thread));
    g_assert_true(host->waited);
    reply = sim_tdcm_end(host);
    g_assert_cmpint(reply.status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(reply.error, ==, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    sim_in_order(host, from, names[operation], "TSM_UNBIND", "RESET", NULL);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_map_port(host);
    sim_run(host);
}

static void test_bus_reset_in_bind(SimHost *host)
{
    test_bus_reset(host, TDCM_OP_BIND);
}

static void test_bus_reset_in_start(SimHost *host)
{
    test_bus_reset(host, TDCM_OP_START_TDI);
}

static void test_bus_reset_in_report(SimHost *host)
{
    test_bus_reset(host, TDCM_OP_GET_TDI_REPORT);
}

static const SimTest tests[] = {
    { "others-go-on", test_others_go_on },
    { "quit-in-bind", test_quit_in_bind },
    { "quit-in-start", test_quit_in_start },
    { "quit-in-unbind", test_quit_in_unbind },
    { "quit-in-monitor-bind", test_quit_in_monitor_bind },
    { "bus-reset-in-bind", test_bus_reset_in_bind },
    { "bus-reset-in-start", test_bus_reset_in_start },
    { "bus-reset-in-report", test_bus_reset_in_report },
};

void sim_test_add_busy(void)
{
    sim_add_tests("busy", tests, ARRAY_SIZE(tests));
}
