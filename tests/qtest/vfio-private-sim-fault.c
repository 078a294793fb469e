/*
 * QTest of private device assignment on a simulated host: memory faults
 *
 * The vCPU accesses what it cannot have: since the host took the device back,
 * as the dma-buf is revoked, or since KVM has no private view of it.  QEMU
 * neither ends the VM nor converts without end; the vCPU waits, and whatever
 * stops it does so.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/tdcm.h>
#include <linux/vfio-private.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

#define ADDRESS (SIM_BAR2 + 0x3000)
#define WAITS "for private memory that the guest does not have; unlock the " \
    "device there, or reset the VM"

/* One event, which tells where. */
static void check_told(SimHost *host)
{
    QDict *event = qtest_qmp_eventwait_ref(host->qts, "TDI_VCPU_WAITS");
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_str(data, "id"), ==, "dev0");
    g_assert_cmpint(qdict_get_int(data, "cpu-index"), ==, 0);
    g_assert_cmphex(qdict_get_int(data, "address"), ==, ADDRESS);
    qobject_unref(event);
}

static void check_running(SimHost *host)
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-status' }");

    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(response, "return"),
                                  "status"), ==, "running");
    qobject_unref(response);
}

/* No conversion since @from, whatever it was about */
static void check_not_converted(SimHost *host, unsigned int from)
{
    for (; from < sim_now(host); from++) {
        const SimEvent *event = sim_event(host, from);

        g_assert_false(!strcmp(event->name, "SET_ATTRIBUTES") &&
                       event->args[2]);
    }
}

/* The guest has it in RUN, and touches it; the host takes it back. */
static void run_and_lose(SimHost *host)
{
    sim_expect(host, WAITS);
    sim_start_mapped(host);
    sim_run(host);
    sim_access_begin(host, ADDRESS, true);
    sim_access_end(host);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    sim_access_begin(host, ADDRESS, true);
}

/*
 * Refusals
 */

static void test_unknown_flag(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint64_t args[SIM_EXIT_ARGS] = {
        SIM_BAR2, 4096, KVM_MEMORY_EXIT_FLAG_PRIVATE | 1ULL << 34,
    };
    unsigned int from;

    /* It prints registers, too. */
    host->talks = true;
    sim_start_mapped(host);
    sim_lock(host);
    from = sim_now(host);
    sim_exit_begin(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    qtest_qmp_eventwait(host->qts, "STOP");
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
}

/* What could turn private does not, as that is not what is wrong. */
static void test_revoked_converts_not(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    uint64_t args[SIM_EXIT_ARGS] = {
        SIM_BAR2, 4096,
        KVM_MEMORY_EXIT_FLAG_PRIVATE | KVM_MEMORY_EXIT_FLAG_REVOKED,
    };
    unsigned int from;

    sim_start_mapped(host);
    sim_lock(host);
    from = sim_now(host);
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    args[2] = KVM_MEMORY_EXIT_FLAG_PRIVATE;
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 1);
}

/* Of what no device has, there is nothing to wait for. */
static void test_nowhere(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint64_t args[SIM_EXIT_ARGS] = {
        0x9000000000ULL, 4096, KVM_MEMORY_EXIT_FLAG_PRIVATE,
    };

    host->talks = true;
    sim_start_mapped(host);
    sim_run(host);
    sim_exit_begin(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    qtest_qmp_eventwait(host->qts, "STOP");
}

/* This KVM has no private view of it: the guest is told, and gets no loop. */
static void test_no_private_mmio(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    unsigned int from;

    sim_expect(host, WAITS);
    sim_start_mapped(host);
    sim_run(host);
    host->shared->no_private_mmio = 1;
    from = sim_now(host);
    sim_access_begin(host, ADDRESS, true);
    check_told(host);
    sim_access_waits(host);
    check_not_converted(host, from);
    check_running(host);
}

/* It has left the guest since KVM looked: the access is made again. */
static void test_no_private_gone(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint64_t args[SIM_EXIT_ARGS] = {
        SIM_BAR2, 4096,
        KVM_MEMORY_EXIT_FLAG_PRIVATE | KVM_MEMORY_EXIT_FLAG_NO_PRIVATE,
    };
    unsigned int from;

    sim_start_mapped(host);
    sim_command(host, 0);
    from = sim_now(host);
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    check_not_converted(host, from);
    check_running(host);
}

/* What KVM or the IOMMU cannot let go of yet is RAM that they still use. */
static void test_busy_ram(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    /* All of it is private, and the guest wants to share this. */
    const uint64_t args[SIM_EXIT_ARGS] = { 0x300000, 4096, 0 };
    unsigned int from;

    sim_expect_once(host, "failed to set memory (0x300000+0x1000) with attr "
                    "0x0 error 'Device or resource busy'");
    sim_start_mapped(host);
    from = sim_now(host);
    sim_fail(host, "SET_ATTRIBUTES", 1, EBUSY);
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    check_running(host);
    /* The vCPU makes the access again. */
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 2);
    check_running(host);
}

/*
 * Behind the guest's back
 */

/* It unbinds the TDI in an interrupt, has it again, and goes on. */
static void test_until_bound(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    unsigned int from;

    run_and_lose(host);
    from = sim_now(host);
    check_told(host);
    check_running(host);
    sim_access_waits(host);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    check_told(host);
    sim_access_waits(host);
    check_not_converted(host, from);
    sim_run(host);
    sim_access_end(host);
}

static unsigned int count_logged(SimHost *host)
{
    g_autofree char *said = NULL;
    g_auto(GStrv) parts = NULL;

    g_assert_true(g_file_get_contents(host->said, &said, NULL, NULL));
    parts = g_strsplit(said, "cannot be turned private as a whole", 0);
    return g_strv_length(parts) - 1;
}

/* However often it tries, the log has one line for each time that it waits. */
static void test_logged_once(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);

    host->talks = true;
    host->after = "-d guest_errors";
    sim_start_behind(host);
    sim_run(host);
    sim_bus_reset(host);
    sim_access_begin(host, ADDRESS, true);
    sim_access_waits(host);
    g_assert_cmpuint(count_logged(host), ==, 1);
    sim_access_waits(host);
    g_assert_cmpuint(count_logged(host), ==, 1);
    sim_access_drop(host);
    sim_map_port(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
    sim_access_begin(host, ADDRESS, true);
    sim_access_end(host);

    /* The guest has touched nothing else since. */
    sim_bus_reset(host);
    sim_access_begin(host, ADDRESS, true);
    sim_access_waits(host);
    g_assert_cmpuint(count_logged(host), ==, 2);
}

/* It knows, and looks at the shared view. */
static void test_until_unbound(SimHost *host)
{
    sim_start_mapped(host);
    sim_run(host);
    sim_access_begin(host, ADDRESS, true);
    sim_access_end(host);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    /* All ones */
    sim_access_begin(host, ADDRESS, false);
    sim_access_end(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_access_begin(host, ADDRESS, false);
    sim_access_end(host);
}

/* The monitor stops the vCPU, and lets it go on: it waits as before. */
static void test_stop(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    uint32_t faults;

    run_and_lose(host);
    check_told(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'stop' }");
    faults = qatomic_read(&host->shared->access_faults);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'query-tdi' }");
    g_assert_cmpuint(qatomic_read(&host->shared->access_faults), ==, faults);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'cont' }");
    sim_access_waits(host);
    g_assert_null(qtest_qmp_event_ref(host->qts, "TDI_VCPU_WAITS"));
}

static void test_quit(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);

    run_and_lose(host);
    check_told(host);
    sim_quit(host);
    g_assert_cmpuint(sim_count(host, 0, "kernel unbinds"), ==, 0);
}

/* For such a guest, that is its end. */
static void test_reset(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);

    host->talks = true;
    run_and_lose(host);
    check_told(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "SHUTDOWN");
    g_assert_cmpuint(sim_count(host, 0, "kernel unbinds"), ==, 0);
}

/* Its BARs are nowhere then, and are missed all the same. */
static void test_bus_reset(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);

    sim_expect(host, WAITS);
    sim_start_behind(host);
    sim_run(host);
    sim_bus_reset(host);
    sim_qmp_state(host, "hidden");
    sim_access_begin(host, ADDRESS, true);
    check_told(host);
    sim_access_waits(host);
    sim_map_port(host);
    sim_access_waits(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
    sim_access_end(host);
}

static void test_unplug(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    unsigned int from;

    sim_expect(host, WAITS);
    sim_start_behind(host);
    sim_run(host);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    sim_access_begin(host, ADDRESS, true);
    check_told(host);
    from = sim_now(host);
    host->talks = true;
    qtest_qmp_device_del_send(host->qts, "dev0");
    sim_eject(host);
    /*
     * What it waits for does not come any more, perhaps before all of it
     * is gone.
     */
    qtest_qmp_eventwait(host->qts, "STOP");
    while (!sim_count(host, from, "close vfio")) {
        g_usleep(1000);
    }
}

/* Nobody tells that the host has unbound it: the device is asked. */
static void test_untold(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    unsigned int from;

    sim_expect(host, WAITS);
    sim_fail(host, "VEVENTQ_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    host->shared->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
    qatomic_set(&host->shared->ended, 1);
    sim_access_begin(host, ADDRESS, true);
    check_told(host);
    sim_qmp_state(host, "hidden");
    sim_in_order(host, from, "TSM_GET_STATE", "TSM_UNBIND",
                 "SET_MEMORY_REGION", NULL);
    check_not_converted(host, from);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
    sim_access_end(host);
}

/*
 * Revoked
 */

/* VFIO lets go of it for a while: nothing is converted, and then it is back. */
static void test_revoked(SimHost *host)
{
    unsigned int from;

    sim_expect(host, WAITS);
    sim_start_mapped(host);
    sim_run(host);
    host->shared->revoked = 1;
    from = sim_now(host);
    sim_access_begin(host, ADDRESS, true);
    check_told(host);
    sim_access_waits(host);
    check_running(host);
    host->shared->revoked = 0;
    sim_access_end(host);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
}

static const SimTest tests[] = {
    { "until-unbound", test_until_unbound },
    { "revoked", test_revoked },
};

/* Of a software-protected VM, the attribute tells what an access is. */
static const struct {
    const char *name;
    void (*fn)(void);
} tdx_tests[] = {
    { "refuses/unknown-flag", test_unknown_flag },
    { "refuses/nowhere", test_nowhere },
    { "refuses/revoked", test_revoked_converts_not },
    { "busy-ram", test_busy_ram },
    { "no-private-mmio", test_no_private_mmio },
    { "no-private-gone", test_no_private_gone },
    { "until-bound", test_until_bound },
    { "logged-once", test_logged_once },
    { "stop", test_stop },
    { "quit", test_quit },
    { "reset", test_reset },
    { "bus-reset", test_bus_reset },
    { "unplug", test_unplug },
    { "untold", test_untold },
};

void sim_test_add_fault(void)
{
    int i;

    sim_add_tests("fault", tests, ARRAY_SIZE(tests));
    for (i = 0; i < ARRAY_SIZE(tdx_tests); i++) {
        g_autofree char *name = g_strdup_printf("vfio-private-sim/tdx/fault/%s",
                                                tdx_tests[i].name);

        qtest_add_func(name, tdx_tests[i].fn);
    }
}
