/*
 * QTest of private device assignment on a simulated host: every end in every
 * state
 *
 * What QEMU asks of the kernel about one BAR, call by call, from the moment on
 * that something takes a device, its MMIO or its binding away.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

typedef enum State {
    UNLOCKED, LOCKED, RUN, ERROR, UNKNOWN, HIDDEN, NR_STATES
} State;

static void to_unlocked(SimHost *host)
{
}

static void to_error(SimHost *host)
{
    sim_run(host);
    host->shared->tdi_state = TDISP_STATE_ERROR;
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
}

static void to_unknown(SimHost *host)
{
    sim_lock(host);
    sim_make_private(host);
    sim_fail_after(host, "TSM_SET_STATE", EIO);
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_DEVICE);
}

static void end_monitor(SimHost *host)
{
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'tdi-unbind', "
                             "'arguments': { 'id': 'dev0' } }");
    qtest_qmp_eventwait(host->qts, "TDI_REQUEST_COMPLETED");
}

static void to_hidden(SimHost *host)
{
    sim_run(host);
    end_monitor(host);
}

static const struct {
    const char *name;
    void (*go)(SimHost *host);
} states[NR_STATES] = {
    [UNLOCKED] = { "config-unlocked", to_unlocked },
    [LOCKED] = { "config-locked", sim_lock },
    [RUN] = { "run", sim_run },
    [ERROR] = { "error", to_error },
    [UNKNOWN] = { "unknown", to_unknown },
    [HIDDEN] = { "hidden", to_hidden },
};

/*
 * The log
 */

/* What a call is called here; NULL: it is not of interest.  @gpa: of the BAR */
static const char *call_name(SimHost *host, const SimEvent *event, uint64_t gpa)
{
    static const struct {
        const char *name, *here;
    } others[] = {
        { "TSM_BIND", "bind" },
        { "TSM_UNBIND", "unbind" },
        { "kernel unbinds", "kernel-unbinds" },
        { "RESET", "reset" },
        { "close dmabuf", "close-dmabuf" },
        { "DETACH_IOMMUFD", "detach" },
        { "FILE_DEL", "file-del" },
        { "close vfio", "close-vfio" },
        { "close iommufd", "close-iommufd" },
        { "close vm", "close-vm" },
    };
    bool here = event->args[0] == gpa;
    int i;

    if (!strcmp(event->name, "SET_ATTRIBUTES")) {
        return !here ? NULL : event->args[2] ? "private" : "shared";
    }
    if (!strcmp(event->name, "SET_MEMORY_REGION")) {
        return !here ? NULL : event->ret == -EBUSY ? "slot-kept" :
               event->args[1] ? "slot" : "no-slot";
    }
    if (!strcmp(event->name, "MAP_FILE")) {
        return here ? "map" : NULL;
    }
    if (!strcmp(event->name, "UNMAP")) {
        return here ? "unmap" : NULL;
    }
    if (!strcmp(event->name, "DESTROY")) {
        return event->ret ? NULL :
               event->args[0] == host->shared->vdevice_id ? "no-vdevice" :
               "destroy";
    }
    if (!strcmp(event->name, "write")) {
        return event->args[0] == SIM_CONFIG_REGION && event->args[1] == 4 ?
               "command" : NULL;
    }
    for (i = 0; i < ARRAY_SIZE(others); i++) {
        if (!strcmp(event->name, others[i].name)) {
            return others[i].here;
        }
    }
    return NULL;
}

/* What comes several times on end is there once. */
static char *calls_since(SimHost *host, unsigned int from, uint64_t gpa)
{
    GString *calls = g_string_new(NULL);
    const char *name, *last = NULL;
    unsigned int at;

    for (at = from; at < sim_now(host); at++) {
        name = call_name(host, sim_event(host, at), gpa);
        if (name && (!last || strcmp(name, last))) {
            g_string_append_printf(calls, "%s%s", last ? " " : "", name);
            last = name;
        }
    }
    return g_string_free(calls, false);
}

static const struct {
    const char *name;
    uint64_t gpa;
} bars[] = {
    { "BAR 0", SIM_BAR0 },
    { "BAR 2", SIM_BAR2 },
};

/* @expected: calls about both BARs, or about each with "|" in between */
static void check_calls(SimHost *host, unsigned int from, const char *expected)
{
    g_auto(GStrv) each = g_strsplit(expected, "|", 2);
    int i;

    for (i = 0; i < ARRAY_SIZE(bars); i++) {
        g_autofree char *calls = calls_since(host, from, bars[i].gpa);
        const char *wanted = i && each[0] && each[1] ? each[1] :
                             each[0] ?: "";

        if (strcmp(calls, wanted)) {
            sim_dump(host, from);
            g_test_message("calls about %s:", bars[i].name);
        }
        g_assert_cmpstr(calls, ==, wanted);
    }
}

/*
 * Ends
 */

static void sim_qmp_event(SimHost *host, const char *command, const char *event)
{
    qtest_qmp_assert_success(host->qts, "{ 'execute': %s }", command);
    qtest_qmp_eventwait(host->qts, event);
}

static void end_reset(SimHost *host)
{
    sim_qmp_event(host, "system_reset", "RESET");
}

static void end_wakeup(SimHost *host)
{
    sim_qmp_event(host, "system_wakeup", "WAKEUP");
}

static void end_eject(SimHost *host)
{
    unsigned int from = sim_now(host);

    qtest_qmp_device_del_send(host->qts, "dev0");
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    /* It is freed once nobody looks at its memory any more. */
    while (!sim_count(host, from, "close vfio")) {
        g_usleep(100);
    }
}

static void end_guest(SimHost *host)
{
    sim_ok(host, TDCM_OP_UNBIND);
}

/* The device was reset, and has no BARs. */
static void after_reset(SimHost *host)
{
    g_assert_cmphex(sim_config_read(host, 4) & 6, ==, 0);
    sim_map_bars(host);
    sim_command(host, 6);
}

/* What cannot be unbound has its BARs frozen: the last one counts then. */
static void after_port(SimHost *host)
{
    sim_map_port(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_map_port(host);
}

static void after_eject(SimHost *host)
{
    /* Another one each time */
    QDict *response = sim_plug(host, sim_count(host, 0, "close vfio"));

    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    sim_map_port(host);
}

/*
 * @behind: the device is behind a port; @sw: TDX guests have no such thing
 * @hides: the guest does not know, so its MMIO stays out of reach until it does
 * @lost: the MMIO is not there any more, so in "unknown" nothing is left to do
 * @prepare: before the log is looked at; @end; @after: back to config-unlocked
 * @calls: in each state; @unknown_tdx: of a TDX guest in "unknown", whose slots
 *     KVM has kept
 */
typedef struct End {
    const char *name;
    bool behind;
    bool sw;
    bool hides;
    bool lost;
    void (*prepare)(SimHost *host);
    void (*end)(SimHost *host);
    void (*after)(SimHost *host);
    const char *calls[NR_STATES];
    const char *unknown_tdx;
} End;

/* A reset takes memory decode away, and with it what there was of the BAR. */
#define RESET "command unmap no-slot reset"
#define LEAVE "unmap no-slot no-vdevice destroy close-dmabuf detach destroy " \
              "file-del close-iommufd close-vfio"

/* In no state is anything of the binding left when @calls come. */
#define ALL_UNBOUND_BEFORE(calls) {                 \
    [UNLOCKED] = calls,                             \
    [LOCKED] = "unbind " calls,                     \
    [RUN] = "unbind shared map " calls,             \
    [ERROR] = "unbind shared map " calls,           \
    [UNKNOWN] = "unbind shared map slot " calls,    \
    [HIDDEN] = "shared map slot " calls,            \
}

/*
 * The TSM unbinds it before anything else goes.  What was private turns shared
 * before it is mapped for DMA; if it is hidden, only once its slot has gone.
 */
static const End ends[] = {
    {
        .name = "reset", .sw = true,
        .end = end_reset, .after = after_reset,
        .calls = ALL_UNBOUND_BEFORE(RESET),
    }, {
        .name = "wakeup", .sw = true,
        .prepare = sim_sleep, .end = end_wakeup, .after = after_reset,
        .calls = ALL_UNBOUND_BEFORE(RESET),
    }, {
        .name = "eject", .behind = true,
        .end = end_eject, .after = after_eject,
        .calls = ALL_UNBOUND_BEFORE(LEAVE),
        .unknown_tdx = "unbind shared no-slot shared map slot " LEAVE,
    }, {
        /* Of one BAR, and the other one goes as well. */
        .name = "window", .behind = true, .hides = true, .lost = true,
        .end = sim_move_window, .after = after_port,
        .calls = {
            [UNLOCKED] = "|unmap no-slot",
            [LOCKED] = "unbind unmap no-slot|unmap unbind no-slot",
            [RUN] = "unbind no-slot shared",
            [ERROR] = "unbind no-slot shared",
            [UNKNOWN] = "|shared",
            [HIDDEN] = "|shared",
        },
        .unknown_tdx = "slot-kept",
    }, {
        .name = "port-decode", .behind = true, .hides = true, .lost = true,
        .end = sim_port_off, .after = after_port,
        .calls = {
            [UNLOCKED] = "unmap no-slot",
            [LOCKED] = "unmap unbind no-slot",
            [RUN] = "unbind no-slot shared",
            [ERROR] = "unbind no-slot shared",
            [UNKNOWN] = "shared",
            [HIDDEN] = "shared",
        },
        .unknown_tdx = "slot-kept",
    }, {
        /* What cannot be unbound is not reset. */
        .name = "bus-reset", .behind = true, .hides = true, .lost = true,
        .end = sim_bus_reset, .after = after_port,
        .calls = {
            [UNLOCKED] = "command unmap no-slot reset",
            [LOCKED] = "unbind unmap command no-slot reset",
            [RUN] = "unbind command no-slot shared reset",
            [ERROR] = "unbind command no-slot shared reset",
            [UNKNOWN] = "shared",
            [HIDDEN] = "command shared reset",
        },
        .unknown_tdx = "slot-kept",
    }, {
        .name = "guest",
        .end = end_guest, .after = to_unlocked,
        .calls = {
            [UNLOCKED] = "",
            [LOCKED] = "unbind",
            [RUN] = "unbind shared map",
            [ERROR] = "unbind shared map",
            [UNKNOWN] = "unbind shared map slot",
            [HIDDEN] = "shared map slot",
        },
        .unknown_tdx = "unbind shared no-slot shared map slot",
    }, {
        .name = "monitor", .hides = true,
        .end = end_monitor, .after = end_guest,
        .calls = {
            [UNLOCKED] = "",
            [LOCKED] = "unbind unmap no-slot",
            [RUN] = "unbind no-slot shared",
            [ERROR] = "unbind no-slot shared",
            [UNKNOWN] = "unbind",
            [HIDDEN] = "",
        },
    }, {
        /* The kernel has stopped it, so the MMIO goes at once. */
        .name = "host", .hides = true,
        .end = sim_host_takes, .after = end_guest,
        .calls = {
            [UNLOCKED] = "",
            [LOCKED] = "unmap no-slot unbind",
            [RUN] = "no-slot shared unbind",
            [ERROR] = "no-slot shared unbind",
            [UNKNOWN] = "unbind",
            [HIDDEN] = "",
        },
    },
};

/* The guest sees an error, and nothing of its MMIO, wherever it maps that. */
static void check_hidden(SimHost *host, const End *end)
{
    unsigned int from = sim_now(host);
    int i;

    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    if (end->behind) {
        sim_map_port(host);
    } else {
        sim_command(host, 0);
        sim_command(host, 6);
    }
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    for (i = 0; i < ARRAY_SIZE(bars); i++) {
        g_autofree char *calls = calls_since(host, from, bars[i].gpa);
        g_auto(GStrv) each = g_strsplit(calls, " ", 0);

        g_assert_false(g_strv_contains((const char *const *)each, "slot"));
    }
}

static void check_end(SimHost *host, const End *end, State state)
{
    unsigned int from;

    states[state].go(host);
    sim_qmp_state(host, states[state].name);
    if (end->prepare) {
        end->prepare(host);
    }
    from = sim_now(host);
    end->end(host);
    check_calls(host, from, host->tdx && state == UNKNOWN && end->unknown_tdx ?
                            end->unknown_tdx : end->calls[state]);
    if (end->hides && state == UNKNOWN && end->lost) {
        sim_qmp_state(host, "unknown");
    } else if (end->hides && state != UNLOCKED) {
        sim_qmp_state(host, "hidden");
        check_hidden(host, end);
    }
    end->after(host);
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    /* A mapping that a reset has revoked does not come back by itself. */
    if (sim_count(host, from, "RESET")) {
        from = sim_find(host, from, "RESET");
        g_assert_cmpuint(sim_find_args(host, from, "MAP_FILE", SIM_BAR2,
                                       SIM_BAR2_SIZE), !=, UINT_MAX);
    }
}

/* One after the other, so each begins with what the one before has left. */
static void test_end(const End *end, bool tdx)
{
    g_autoptr(SimHost) host = sim_host_new(tdx);
    int i;

    if (end->behind) {
        sim_start_behind(host);
    } else {
        sim_start_mapped(host);
    }
    for (i = 0; i < NR_STATES; i++) {
        g_test_message("%s in %s", end->name, states[i].name);
        check_end(host, end, i);
    }
    sim_run(host);
}

static void test_end_sw(gconstpointer end)
{
    test_end(end, false);
}

static void test_end_tdx(gconstpointer end)
{
    test_end(end, true);
}

/*
 * End of QEMU
 */

static bool vcpus_run(SimHost *host)
{
    unsigned int at;

    for (at = 0; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (!strcmp(event->name, "RUN") &&
            !qatomic_load_acquire(&event->done)) {
            return true;
        }
    }
    return false;
}

static gpointer look_at_vcpus(gpointer opaque)
{
    SimHost *host = opaque;
    int i;

    while (!sim_count(host, host->since, "TSM_UNBIND")) {
        g_usleep(100);
    }
    host->waited = true;
    for (i = 0; i < 10; i++) {
        host->waited &= !vcpus_run(host);
        g_usleep(1000);
    }
    sim_release(host);
    return NULL;
}

/*
 * vCPUs stop, then the TSM unbinds it.  Nothing is turned shared or mapped any
 * more, and the rest goes as the files close.
 */
static void test_quit(State state, bool tdx)
{
    const bool bound = state != UNLOCKED && state != HIDDEN;
    g_autoptr(SimHost) host = sim_host_new(tdx);
    GThread *thread = NULL;

    sim_start_mapped(host);
    states[state].go(host);
    sim_qmp_state(host, states[state].name);
    while (!vcpus_run(host)) {
        g_usleep(100);
    }
    host->since = sim_now(host);
    if (bound) {
        sim_stall(host, "TSM_UNBIND");
        thread = g_thread_new("look", look_at_vcpus, host);
    }
    sim_quit(host);
    if (thread) {
        g_thread_join(thread);
        g_assert_true(host->waited);
    }
    check_calls(host, host->since, bound ? "unbind" : "");
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
}

static void test_quit_sw(gconstpointer state)
{
    test_quit(GPOINTER_TO_INT(state), false);
}

static void test_quit_tdx(gconstpointer state)
{
    test_quit(GPOINTER_TO_INT(state), true);
}

static void add_end(const char *name, gconstpointer data,
                    void (*sw)(gconstpointer), void (*tdx)(gconstpointer))
{
    g_autofree char *path_sw = g_strdup_printf("vfio-private-sim/sw/ends/%s",
                                               name);
    g_autofree char *path_tdx = g_strdup_printf("vfio-private-sim/tdx/ends/%s",
                                                name);

    qtest_add_data_func(path_sw, data, sw);
    if (tdx) {
        qtest_add_data_func(path_tdx, data, tdx);
    }
}

void sim_test_add_ends(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        add_end(ends[i].name, &ends[i], test_end_sw,
                ends[i].sw ? NULL : test_end_tdx);
    }
    for (i = 0; i < NR_STATES; i++) {
        g_autofree char *name = g_strdup_printf("quit-%s", states[i].name);

        add_end(name, GINT_TO_POINTER(i), test_quit_sw, test_quit_tdx);
    }
}
