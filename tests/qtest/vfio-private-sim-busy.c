/*
 * QTest of private device assignment on a simulated host: a TSM takes its time
 *
 * Requests wait for their turn, some ends have to wait, and everything else
 * goes on, the end of QEMU included.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "standard-headers/linux/pci_regs.h"
#include "vfio-private-sim.h"

#define LITTLE_LATER_US 30000

static const char *const names[] = {
    [TDCM_OP_BIND] = "TSM_BIND",
    [TDCM_OP_START_TDI] = "TSM_SET_STATE",
    [TDCM_OP_GET_TDI_REPORT] = "TSM_READ_OBJECT",
    [TDCM_OP_GET_TDI_STATE] = "TSM_GET_STATE",
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

static void check_human(SimHost *host, const char *line)
{
    g_autofree char *text = qtest_hmp(host->qts, "%s", line);

    g_assert_true(*text);
}

/* The monitor, the vCPU, config space and other memory do not wait. */
static void test_others_go_on(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_begin(host, TDCM_OP_BIND);
    sim_qmp_state(host, "config-unlocked");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'stop' }");
    check_human(host, "info registers");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'cont' }");
    check_human(host, "info registers");
    /* Frozen, since it may be bound by now. */
    sim_command(host, 0);
    g_assert_cmphex(sim_config_read(host, PCI_COMMAND) & 6, ==, 6);
    g_assert_cmphex(qtest_readl(host->qts, 0x300000), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "SET_MEMORY_REGION"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "TSM_READ_OBJECT"), ==, 0);
    sim_release(host);
    g_assert_cmpint(sim_tdcm_end(host).status, ==, TDCM_STATUS_COMPLETED);
    sim_qmp_state(host, "config-locked");
}

/* The first tdi-unbind ends it, whatever the guest has asked for. */
static void test_unbind_comes_next(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_begin(host, TDCM_OP_BIND);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'tdi-unbind', "
                             "'arguments': { 'id': 'dev0' } }");
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
    sim_release(host);
    qtest_qmp_eventwait(host->qts, "TDI_REQUEST_COMPLETED");
    sim_qmp_state(host, "hidden");
    g_assert_cmpint(sim_tdcm_end(host).status, ==, TDCM_STATUS_COMPLETED);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
}

static unsigned int sim_monitor_bind_begin(SimHost *host)
{
    unsigned int from = sim_now(host);

    sim_stall(host, "TSM_BIND");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'tdi-bind', 'arguments':"
                             " { 'id': 'dev0' } }");
    while (!sim_count(host, from, "TSM_BIND")) {
        g_usleep(100);
    }
    return from;
}

/* What cannot be converted before the TSM is done is to be tried again. */
static void test_convert_again(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_monitor_bind_begin(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 4096, true), ==,
                    sim_convert_busy(host));
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    sim_release(host);
    qtest_qmp_eventwait(host->qts, "TDI_REQUEST_COMPLETED");
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 4096, true), ==, 0);
    /* What is refused for good is no such thing. */
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 4096, false), ==,
                    sim_convert_refused(host));
}

static uint8_t sim_buffer_status(SimHost *host)
{
    return qtest_readb(host->qts,
                       SIM_BUFFER + offsetof(struct tdcm_buffer, status));
}

/* A VM is stopped, and its device has been locked since. */
static void sim_bind_while_stopped(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_begin(host, TDCM_OP_BIND);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'stop' }");
    sim_release(host);
    while (!sim_count(host, from, "TSM_READ_OBJECT")) {
        g_usleep(100);
    }
    /* Its own end takes its turn after that of the bind. */
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'tdi-refresh', "
                             "'arguments': { 'id': 'dev0' } }");
    qtest_qmp_eventwait(host->qts, "TDI_REQUEST_COMPLETED");
    sim_qmp_state(host, "config-locked");
    g_assert_cmpint(sim_buffer_status(host), ==, TDCM_STATUS_WAIT);
}

/* A VM that is stopped gets its answer when it runs again. */
static void test_answer_while_stopped(SimHost *host)
{
    sim_bind_while_stopped(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'cont' }");
    g_assert_cmpint(sim_tdcm_end(host).status, ==, TDCM_STATUS_COMPLETED);
}

/* After a reset nobody waits for it, and its buffer is another's memory. */
static void test_reset_while_held(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    sim_bind_while_stopped(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "RESET");
    qtest_memset(host->qts, SIM_BUFFER, 0x5a, 4096);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'cont' }");
    sim_exit_end(host);
    g_assert_cmphex(sim_buffer_status(host), ==, 0x5a);
}

/*
 * A reset of the VM waits for the TSM; nothing else waits for the reset.  TDX
 * guests have none.
 */
static void test_system_reset(uint16_t operation)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_start_mapped(host);
    from = sim_prepare_and_begin(host, operation);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'tdi-refresh', "
                             "'arguments': { 'id': 'dev0' } }");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    check_human(host, "info registers");
    sim_qmp_state(host, operation == TDCM_OP_BIND ? "config-unlocked" :
                                                    "config-locked");
    g_assert_cmpuint(sim_count(host, from, "RESET"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "TSM_GET_STATE"), ==, 0);
    sim_release(host);
    qtest_qmp_eventwait(host->qts, "RESET");
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    sim_in_order(host, from, names[operation], "TSM_UNBIND", "RESET", NULL);
    /* What waited was not done. */
    g_assert_cmpuint(sim_count(host, from, "TSM_GET_STATE"), ==, 0);
    sim_map_bars(host);
    sim_command(host, 6);
    sim_exit_end(host);
    sim_run(host);
}

static void test_reset_in_bind(void)
{
    test_system_reset(TDCM_OP_BIND);
}

static void test_reset_in_start(void)
{
    test_system_reset(TDCM_OP_START_TDI);
}

static void test_reset_in_report(void)
{
    test_system_reset(TDCM_OP_GET_TDI_REPORT);
}

/* A wake-up resets devices, too, so it waits like a reset. */
static void test_wakeup_in_bind(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_start_mapped(host);
    from = sim_begin(host, TDCM_OP_BIND);
    sim_sleep(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_wakeup' }");
    check_human(host, "info registers");
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpuint(sim_count(host, from, "RESET"), ==, 0);
    sim_release(host);
    qtest_qmp_eventwait(host->qts, "WAKEUP");
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    sim_in_order(host, from, "TSM_BIND", "TSM_UNBIND", "RESET", NULL);
    sim_map_bars(host);
    sim_command(host, 6);
    sim_exit_end(host);
    sim_run(host);
}

/*
 * QEMU ends while the TSM is at work, and leaves the rest to the kernel.  Half
 * a second is what it waits, and what the documentation says.
 */
static void test_quit(SimHost *host, uint16_t operation)
{
    unsigned int from, at, now;
    int64_t began;

    sim_start_mapped(host);
    from = sim_prepare_and_begin(host, operation);
    began = g_get_monotonic_time();
    sim_quit(host);
    g_assert_cmpint(g_get_monotonic_time() - began, >=, 499000);
    /* How long it took on a busy machine does not say what it waited for. */
    g_assert_cmpuint(sim_count(host, from, "WAIT"), >, 0);
    for (at = from, now = sim_now(host); at < now; at++) {
        g_assert_true(strcmp(sim_event(host, at)->name, "WAIT") ||
                      sim_event(host, at)->args[0] <= 500);
    }
    /* Nobody has released it, so nothing came after it. */
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==,
                     operation == TDCM_OP_UNBIND);
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

/* A TSM that is done soon enough unbinds it as well. */
static void test_quit_soon(SimHost *host, uint16_t operation)
{
    g_autoptr(GThread) thread = NULL;
    unsigned int from;

    sim_start_mapped(host);
    from = sim_prepare_and_begin(host, operation);
    thread = sim_release_from(host, from);
    sim_quit(host);
    g_thread_join(g_steal_pointer(&thread));
    sim_in_order(host, from, names[operation], "TSM_UNBIND", NULL);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
}

static void test_quit_soon_in_bind(SimHost *host)
{
    test_quit_soon(host, TDCM_OP_BIND);
}

static void test_quit_soon_in_start(SimHost *host)
{
    test_quit_soon(host, TDCM_OP_START_TDI);
}

/* The monitor has asked, and the TSM takes its time. */
static void test_quit_in_monitor_bind(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_monitor_bind_begin(host);
    sim_quit(host);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
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

typedef struct Stalled {
    SimHost *host;
    int fd;
} Stalled;

static gpointer sim_go_on_later(gpointer opaque)
{
    Stalled *stalled = opaque;
    SimHost *host = stalled->host;

    g_usleep(LITTLE_LATER_US);
    host->waited = !sim_count(host, host->since, "DESTROY");
    sim_connect_goes_on(host, stalled->fd, "tsm0");
    return NULL;
}

/*
 * It is let go of while its thread has something to find out: what it has in
 * the kernel, and what the thread works with, goes when the thread is done.
 */
static void test_eject_in_check(SimHost *host)
{
    Stalled stalled = { .host = host };
    GThread *thread;

    sim_connect(host, "tsm0");
    sim_start_behind(host);
    host->since = sim_now(host);
    stalled.fd = sim_connect_stalls(host);
    qtest_qmp_device_del_send(host->qts, "dev0");
    thread = g_thread_new("go-on", sim_go_on_later, &stalled);
    sim_eject(host);
    g_thread_join(thread);
    g_assert_true(host->waited);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    g_assert_cmpint(sim_tdcm_end(host).status, ==, TDCM_STATUS_ERROR);
    sim_in_order(host, host->since, "DESTROY", "close vfio", NULL);
    g_assert_cmpuint(host->shared->nr_objects, ==, 0);
}

/*
 * The same while the TSM is at work: what the thread finds when it comes back
 * is a device that has no TSM any more.  On a busy machine it may be done
 * before the guest lets go of the device.
 */
static void test_eject(SimHost *host, uint16_t operation)
{
    unsigned int from;
    GThread *thread;

    sim_start_behind(host);
    from = sim_prepare_and_begin(host, operation);
    qtest_qmp_device_del_send(host->qts, "dev0");
    thread = sim_release_from(host, from);
    sim_eject(host);
    g_thread_join(thread);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    sim_tdcm_end(host);
    sim_in_order(host, from, names[operation], "TSM_UNBIND", "DESTROY",
                 "close vfio", NULL);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    g_assert_cmpuint(host->shared->nr_objects, ==, 0);
}

static void test_eject_in_bind(SimHost *host)
{
    test_eject(host, TDCM_OP_BIND);
}

static void test_eject_in_start(SimHost *host)
{
    test_eject(host, TDCM_OP_START_TDI);
}

static void test_eject_in_report(SimHost *host)
{
    test_eject(host, TDCM_OP_GET_TDI_REPORT);
}

static void test_eject_in_state(SimHost *host)
{
    test_eject(host, TDCM_OP_GET_TDI_STATE);
}

static const SimTest tests[] = {
    { "others-go-on", test_others_go_on },
    { "unbind-comes-next", test_unbind_comes_next },
    { "convert-again", test_convert_again },
    { "answer-while-stopped", test_answer_while_stopped },
    { "quit-in-bind", test_quit_in_bind },
    { "quit-in-start", test_quit_in_start },
    { "quit-in-unbind", test_quit_in_unbind },
    { "quit-soon-in-bind", test_quit_soon_in_bind },
    { "quit-soon-in-start", test_quit_soon_in_start },
    { "quit-in-monitor-bind", test_quit_in_monitor_bind },
    { "bus-reset-in-bind", test_bus_reset_in_bind },
    { "bus-reset-in-start", test_bus_reset_in_start },
    { "bus-reset-in-report", test_bus_reset_in_report },
    { "eject-in-check", test_eject_in_check },
    { "eject-in-bind", test_eject_in_bind },
    { "eject-in-start", test_eject_in_start },
    { "eject-in-report", test_eject_in_report },
    { "eject-in-state", test_eject_in_state },
};

void sim_test_add_busy(void)
{
    sim_add_tests("busy", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/busy/wakeup-in-bind",
                   test_wakeup_in_bind);
    qtest_add_func("vfio-private-sim/busy/reset-in-bind", test_reset_in_bind);
    qtest_add_func("vfio-private-sim/busy/reset-in-start", test_reset_in_start);
    qtest_add_func("vfio-private-sim/busy/reset-in-report",
                   test_reset_in_report);
    qtest_add_func("vfio-private-sim/busy/reset-while-held",
                   test_reset_while_held);
}
