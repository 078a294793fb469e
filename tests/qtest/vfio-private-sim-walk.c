/*
 * QTest of private device assignment on a simulated host: a random walk
 *
 * Guest, monitor, device, host and TSM do what comes to their minds, and in
 * between comes all that ends a binding.  The log is then gone through with the
 * rules that no order of events may break.  A failure is repeated with the seed
 * that the test prints at its start (--seed).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

#define STEPS 400
#define PAGE 4096
#define BAR0_PAGES (SIM_BAR0_SIZE / PAGE)
#define BAR2_PAGES (SIM_BAR2_SIZE / PAGE)

/* @slot: where its memory slot begins; 0: it has none */
typedef struct ReplayPage {
    bool is_private;
    uint64_t slot;
} ReplayPage;

/*
 * What the log says of the world
 *
 * @lost: a change of the state has failed half way, QEMU may not know it
 * @vdevice: 0: there is none
 * @left: it was bound when it went, which the kernel makes up for
 */
typedef struct Replay {
    bool bound;
    bool running;
    bool lost;
    uint64_t vdevice;
    bool left;
    ReplayPage bar0[BAR0_PAGES];
    ReplayPage bar2[BAR2_PAGES];
} Replay;

/* NULL: not a page of a BAR */
static ReplayPage *replay_page(Replay *replay, uint64_t gpa)
{
    if (gpa >= SIM_BAR0 && gpa < SIM_BAR0 + SIM_BAR0_SIZE) {
        return &replay->bar0[(gpa - SIM_BAR0) / PAGE];
    }
    if (gpa >= SIM_BAR2 && gpa < SIM_BAR2 + SIM_BAR2_SIZE) {
        return &replay->bar2[(gpa - SIM_BAR2) / PAGE];
    }
    return NULL;
}

static void replay_attributes(Replay *replay, const SimEvent *event)
{
    uint64_t gpa = event->args[0];

    for (; gpa < event->args[0] + event->args[1]; gpa += PAGE) {
        ReplayPage *page = replay_page(replay, gpa);

        if (page) {
            /*
             * Private after LOCK and before START; shared when unbound, or when
             * the guest has nothing to access it by.
             */
            g_assert_true(event->args[2] ? replay->bound && !replay->running :
                                           !replay->bound || !page->slot);
            page->is_private = event->args[2];
        }
    }
}

/* A TDI that is bound keeps its memory, unless nobody knows its state. */
static void replay_slot(Replay *replay, const SimEvent *event)
{
    uint64_t gpa = event->args[0];
    ReplayPage *page = replay_page(replay, gpa);

    if (page && !event->args[1]) {
        g_assert_true(!replay->bound || replay->lost);
    }
    if (event->args[1]) {
        for (; page && gpa < event->args[0] + event->args[1]; gpa += PAGE) {
            replay_page(replay, gpa)->slot = event->args[0];
        }
        return;
    }
    /* Pages of a slot follow each other. */
    while (page && page->slot == event->args[0]) {
        if (event->ret) {
            /* KVM keeps it, and its frames: they are nobody's BAR any more. */
            page->is_private = false;
        } else {
            page->slot = 0;
        }
        gpa += PAGE;
        page = replay_page(replay, gpa);
    }
}

/* What is private is out of reach of the IOMMU. */
static void replay_map(Replay *replay, const SimEvent *event)
{
    uint64_t gpa = event->args[0];

    for (; gpa < event->args[0] + event->args[1]; gpa += PAGE) {
        ReplayPage *page = replay_page(replay, gpa);

        g_assert_true(!page || !page->is_private);
    }
}

/* All TEE memory of the report is private. */
static void replay_start(Replay *replay)
{
    int i;

    g_assert_true(replay->bound && !replay->running);
    for (i = 0; i < SIM_MSIX_TABLE / PAGE; i++) {
        g_assert_true(replay->bar0[i].is_private);
    }
    for (i = 0; i < BAR2_PAGES; i++) {
        g_assert_true(replay->bar2[i].is_private);
    }
}

/* What ends a device finds it unbound, unless the TSM has refused that. */
static void replay_end(Replay *replay, const SimEvent *event)
{
    if (!strcmp(event->name, "RESET")) {
        g_assert_false(replay->bound);
    } else if (!strcmp(event->name, "DESTROY") &&
               event->args[0] == replay->vdevice) {
        g_assert_true(!replay->bound || replay->lost);
        replay->vdevice = 0;
        replay->left = replay->bound;
        replay->bound = replay->running = replay->lost = false;
    } else if (!strcmp(event->name, "kernel unbinds")) {
        g_assert_true(replay->left);
        replay->left = false;
    } else if (!strcmp(event->name, "VDEVICE_ALLOC")) {
        g_assert_cmpuint(replay->vdevice, ==, 0);
        replay->vdevice = event->args[1];
    } else if (!strcmp(event->name, "DETACH_IOMMUFD") ||
               !strcmp(event->name, "FILE_DEL") ||
               !strcmp(event->name, "close vfio")) {
        g_assert_cmpuint(replay->vdevice, ==, 0);
    }
}

static void replay_event(Replay *replay, const SimEvent *event)
{
    if (!strcmp(event->name, "TSM_SET_STATE")) {
        replay_start(replay);
        /* It may run, unless a signal came before. */
        replay->running = event->ret != -EINTR;
        replay->lost |= event->ret < 0;
    } else if (event->ret < 0) {
        /*
         * A bind that fails is undone, and that may fail, too.  A TDI that the
         * kernel no longer knows was unbound by the host: its MMIO goes first.
         */
        replay->lost |= !strcmp(event->name, "TSM_UNBIND") ||
                        (!strcmp(event->name, "TSM_GET_STATE") &&
                         event->ret == -ENXIO);
        if (!strcmp(event->name, "SET_MEMORY_REGION")) {
            g_assert_cmpint(event->ret, ==, -EBUSY);
            g_assert_cmphex(event->args[1], ==, 0);
            replay_slot(replay, event);
        }
    } else if (!strcmp(event->name, "TSM_BIND")) {
        g_assert_false(replay->bound);
        replay->bound = true;
    } else if (!strcmp(event->name, "TSM_UNBIND")) {
        replay->bound = replay->running = replay->lost = false;
    } else if (!strcmp(event->name, "SET_ATTRIBUTES")) {
        replay_attributes(replay, event);
    } else if (!strcmp(event->name, "MAP_FILE")) {
        replay_map(replay, event);
    } else if (!strcmp(event->name, "SET_MEMORY_REGION")) {
        replay_slot(replay, event);
    } else {
        g_assert_cmpstr(event->name, !=, "mmap");
        replay_end(replay, event);
    }
}

static void check_replay(SimHost *host)
{
    Replay replay = {};
    unsigned int at;

    for (at = 0; at < sim_now(host); at++) {
        replay_event(&replay, sim_event(host, at));
    }
    /* At the end of QEMU */
    g_assert_true(!replay.bound || replay.lost);
}

/*
 * Steps
 */

static void step_convert(SimHost *host)
{
    bool bar0 = g_test_rand_bit();
    uint64_t pages = bar0 ? BAR0_PAGES : BAR2_PAGES;
    uint64_t first = g_test_rand_int_range(0, pages);
    uint64_t count = g_test_rand_int_range(1, pages - first + 2);

    sim_convert(host, (bar0 ? SIM_BAR0 : SIM_BAR2) + first * PAGE, count * PAGE,
                g_test_rand_bit());
}

/* As KVM cuts it for a TDX guest, and as it cuts it by itself */
static void step_pieces(SimHost *host)
{
    uint64_t size = PAGE << g_test_rand_int_range(2, 7);
    bool to_private = g_test_rand_bit();
    uint64_t gpa;

    for (gpa = SIM_BAR2; gpa < SIM_BAR2 + SIM_BAR2_SIZE; gpa += size) {
        if (sim_convert(host, gpa, size, to_private)) {
            break;
        }
    }
}

/* And what it has run into is over. */
static void step_no_access(SimHost *host)
{
    sim_access_drop(host);
    sim_tdcm(host, TDCM_OP_CHECK_TEEIO_SUPP);
}

/*
 * It may have to wait for ever.  But a private one to where no device is, as
 * with memory decode off, or to MSI-X, is the end of a TDX guest.
 */
static void step_access(SimHost *host)
{
    bool bar0 = g_test_rand_bit();
    uint64_t size = bar0 ? SIM_MSIX_TABLE : SIM_BAR2_SIZE;

    step_no_access(host);
    if (sim_config_read(host, 4) & 2) {
        sim_access_begin(host, (bar0 ? SIM_BAR0 : SIM_BAR2) +
                         g_test_rand_int_range(0, size), g_test_rand_bit());
    }
}

/* Without a word */
static void step_host(SimHost *host)
{
    if (host->shared->tdi_state && !g_test_rand_int_range(0, 3)) {
        host->shared->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
        qatomic_set(&host->shared->ended, 1);
    }
}

static void sim_qmp_event(SimHost *host, const char *command, const char *event)
{
    qtest_qmp_assert_success(host->qts, "{ 'execute': %s }", command);
    qtest_qmp_eventwait(host->qts, event);
}

static void sim_replace(SimHost *host)
{
    unsigned int from = sim_now(host);
    unsigned int nr = 1 + sim_count(host, 0, "close vfio");
    QDict *response;
    bool refused;

    if (nr == SIM_SPARES) {
        return;
    }
    response = qtest_qmp(host->qts, "{ 'execute': 'device_del', 'arguments': {"
                         " 'id': 'dev0' } }");
    refused = qdict_haskey(response, "error");
    qobject_unref(response);
    if (refused) {
        /* The monitor has asked for something else before. */
        return;
    }
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    while (!sim_count(host, from, "close vfio")) {
        g_usleep(100);
    }
    response = sim_plug(host, nr);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
}

static void sim_lock_and_convert(SimHost *host)
{
    sim_map_port(host);
    sim_tdcm(host, TDCM_OP_BIND);
    sim_convert(host, SIM_BAR0, SIM_MSIX_TABLE, true);
    sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true);
}

/* Some leave the device its BARs; there is no reset of a TDX guest. */
static void step_end(SimHost *host)
{
    step_no_access(host);
    if (g_test_rand_bit()) {
        sim_lock_and_convert(host);
        sim_tdcm(host, TDCM_OP_START_TDI);
    }
    switch (g_test_rand_int_range(host->tdx ? 2 : 0, 6)) {
    case 0:
        sim_qmp_event(host, "system_reset", "RESET");
        break;
    case 1:
        sim_sleep(host);
        sim_qmp_event(host, "system_wakeup", "WAKEUP");
        break;
    case 2:
        sim_replace(host);
        break;
    case 3:
        sim_bus_reset(host);
        break;
    case 4:
        sim_move_window(host);
        return;
    case 5:
        sim_port_off(host);
        return;
    }
    sim_map_port(host);
}

static void step_monitor(SimHost *host)
{
    /* Whether it is refused, and when it is done, is not known. */
    qobject_unref(qtest_qmp(host->qts, "{ 'execute': %s, 'arguments': {"
                            " 'id': 'dev0' } }",
                            g_test_rand_bit() ? "tdi-bind" : "tdi-unbind"));
}

static void step_fail(SimHost *host)
{
    static const char *const calls[] = {
        "TSM_BIND", "TSM_UNBIND", "TSM_SET_STATE", "TSM_GET_STATE",
    };
    static const int errnos[] = { EIO, EBUSY, ENXIO, EINTR, EPERM };

    sim_fail_no_more(host);
    sim_fail(host, calls[g_test_rand_int_range(0, ARRAY_SIZE(calls))], 1,
             errnos[g_test_rand_int_range(0, ARRAY_SIZE(errnos))]);
}

static void step(SimHost *host)
{
    switch (g_test_rand_int_range(0, 17)) {
    case 0:
        step_fail(host);
        break;
    case 1:
        step_monitor(host);
        break;
    case 2:
        step_convert(host);
        break;
    case 3:
        step_no_access(host);
        sim_command(host, g_test_rand_int_range(0, 4) * 2);
        break;
    case 4:
        if (host->shared->tdi_state && !g_test_rand_int_range(0, 4)) {
            host->shared->tdi_state = TDISP_STATE_ERROR;
        }
        break;
    case 5:
        step_pieces(host);
        break;
    case 6:
        step_access(host);
        break;
    case 7:
        step_host(host);
        break;
    case 8:
        step_end(host);
        break;
    case 9:
    case 10:
        /* Or else it would hardly ever get to RUN. */
        sim_lock_and_convert(host);
        break;
    default:
        sim_tdcm(host, g_test_rand_int_range(0, TDCM_OP_UNBIND + 2));
        break;
    }
}

/* After all of that, the device works as on the first day. */
static void check_works(SimHost *host)
{
    int i;

    sim_fail_no_more(host);
    sim_access_drop(host);
    /* A request of the monitor may still be on its way, for long enough. */
    for (i = 0; i < 2000; i++) {
        sim_tdcm(host, TDCM_OP_UNBIND);
        sim_lock_and_convert(host);
        if (sim_tdcm(host, TDCM_OP_START_TDI).status ==
            TDCM_STATUS_COMPLETED) {
            sim_access_begin(host, SIM_BAR2, true);
            sim_access_end(host);
            return;
        }
        g_usleep(10000);
    }
    g_assert_not_reached();
}

static void test_walk(SimHost *host)
{
    unsigned int from;
    int i;

    /* The second as in ended/in-bind-report, by a bind of the monitor's. */
    host->may_say = "for private memory that the guest does not have|"
                    "the interface report is of no use: it could not be read|"
                    "cannot unbind the TDI: .*; it is out of use|"
                    "KVM has a slot there of a TDI that could not be unbound";
    sim_start_behind(host);
    from = sim_now(host);
    for (i = 0; i < STEPS; i++) {
        step(host);
    }
    check_works(host);
    /* It ends in any state. */
    for (i = g_test_rand_int_range(0, 10); i > 0; i--) {
        step(host);
    }
    sim_quit(host);
    check_replay(host);
    g_test_message("%u times to be started",
                   sim_count(host, from, "TSM_SET_STATE"));
}

static const SimTest tests[] = {
    { "walk", test_walk },
};

void sim_test_add_walk(void)
{
    sim_add_tests("random", tests, ARRAY_SIZE(tests));
}
