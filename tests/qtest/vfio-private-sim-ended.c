/*
 * QTest of private device assignment on a simulated host: the kernel tells
 *
 * The host takes the device back without asking QEMU, or its TSM finds it in
 * ERROR.  What is not about the present binding changes nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <linux/iommufd.h>
#include <linux/iommufd-tsm.h>
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

#define WAIT_US 30000000
#define RAM 0x300000ULL
#define RAM_SIZE 0x4000

typedef struct Event {
    struct iommufd_vevent_header header;
    struct iommu_vevent_tsm data;
} Event;

/* About the latest bind; numbers of events start with 0. */
static Event event_of(SimHost *host, uint32_t type)
{
    return (Event) {
        .header.sequence = host->sequence++,
        .data.type = type,
        .data.bind = host->shared->binds,
        .data.virt_id = host->shared->virt_id,
        .data.vdevice_id = host->shared->vdevice_id,
    };
}

static void put(SimHost *host, const void *data, size_t size)
{
    g_assert_cmpint(write(host->events, data, size), ==, size);
}

static void tell(SimHost *host, uint32_t type)
{
    Event event = event_of(host, type);

    put(host, &event, sizeof(event));
}

/* QEMU has read all, and its main loop has come around since. */
static void taken(SimHost *host)
{
    int64_t deadline = g_get_monotonic_time() + WAIT_US;
    int left;

    do {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(100);
        g_assert_cmpint(ioctl(SIM_EVENTQ_FD, FIONREAD, &left), ==, 0);
    } while (left);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'query-tdi' }");
}

/* The kernel's part of it */
static void end(SimHost *host)
{
    host->shared->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
    qatomic_set(&host->shared->ended, 1);
}

static void end_and_tell(SimHost *host, uint32_t type)
{
    end(host);
    tell(host, type);
}

void sim_host_takes(SimHost *host)
{
    unsigned int from = sim_now(host);
    bool bound = host->shared->tdi_state != TDISP_STATE_CONFIG_UNLOCKED;

    if (bound) {
        end(host);
    }
    tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    while (bound && !sim_count(host, from, "TSM_UNBIND")) {
        g_usleep(100);
    }
    taken(host);
}

static void wait_state(SimHost *host, const char *state)
{
    int64_t deadline = g_get_monotonic_time() + WAIT_US;

    while (!sim_qmp_has_state(host, state)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
}

/* Until it is in @state. */
static void wait_event(SimHost *host, const char *state, const char *reason)
{
    bool found;

    do {
        QDict *event = qtest_qmp_eventwait_ref(host->qts, "TDI_STATE_CHANGED");
        QDict *data = qdict_get_qdict(event, "data");

        found = !strcmp(qdict_get_str(data, "new"), state);
        if (found) {
            g_assert_cmpstr(qdict_get_str(data, "reason"), ==, reason);
        }
        qobject_unref(event);
    } while (!found);
}

/* The last that QEMU does about it */
static void wait_unbind(SimHost *host, unsigned int from)
{
    while (!sim_count(host, from, "TSM_UNBIND")) {
        g_usleep(100);
    }
}

/* The guest's part of it, and the device is as good as new. */
static void recover(SimHost *host)
{
    unsigned int from = sim_now(host);

    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   SIM_BAR2_SIZE), !=, UINT_MAX);
    sim_run(host);
}

/*
 * Out of reach, and told; nothing is shared before the guest knows.  If only
 * the TSM says so, it may be about to end: then QEMU waits until it has.
 */
static void check_gone(SimHost *host, unsigned int from, bool told)
{
    unsigned int gone;

    wait_event(host, "hidden", "host");
    wait_unbind(host, from);
    sim_qmp_state(host, "hidden");
    gone = sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2, 0);
    g_assert_cmpuint(gone, !=, UINT_MAX);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR0,
                                   0), !=, UINT_MAX);
    g_assert_cmpuint(sim_find_args(host, gone, "SET_MEMORY_REGION", SIM_BAR2,
                                   SIM_BAR2_SIZE), ==, UINT_MAX);
    if (sim_count(host, from, "SET_ATTRIBUTES")) {
        /* The frames, without the device */
        g_assert_cmpuint(sim_find_args(host, from, "SET_ATTRIBUTES", SIM_BAR2,
                                       SIM_BAR2_SIZE), >, gone);
    }
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    if (told) {
        g_assert_cmpuint(gone, <, sim_find(host, from, "TSM_UNBIND"));
    } else {
        g_assert_cmpuint(gone, >, sim_find(host, from, "TSM_UNBIND"));
    }
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    g_assert_false(host->shared->ended);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    recover(host);
}

static void check_ended(SimHost *host, unsigned int from)
{
    check_gone(host, from, true);
}

static void test_in_locked(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_lock(host);
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    check_ended(host, from);
}

static void test_in_run(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_RESET);
    check_ended(host, from);
    /* And once more, which is another bind; not so soon that nothing is told */
    wait_event(host, "run", "guest");
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_REMOVED);
    check_ended(host, from);
}

/* The kernel has no memory to tell it, and does so when it has. */
static void test_told_later(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    sim_fail(host, "VEVENTQ_READ", 1, ENOMEM);
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    wait_state(host, "hidden");
    g_assert_cmpuint(sim_count(host, from, "VEVENTQ_READ"), >, 1);
    check_ended(host, from);
}

/* The monitor locked it; the guest has had no part in it so far. */
static void test_of_monitor(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_qmp_command(host, "tdi-bind", "config-locked");
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    check_ended(host, from);
}

/* What an event is about is over, or another device. */
static void test_stale(SimHost *host)
{
    unsigned int from;
    Event event;

    sim_start_mapped(host);
    tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    taken(host);
    sim_qmp_state(host, "config-unlocked");
    sim_run(host);
    sim_ok(host, TDCM_OP_UNBIND);
    from = sim_now(host);
    tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    taken(host);
    sim_nothing(host, from);
    sim_qmp_state(host, "config-unlocked");

    sim_run(host);
    from = sim_now(host);
    event = event_of(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    event.data.bind--;
    put(host, &event, sizeof(event));
    event = event_of(host, IOMMU_VEVENT_TSM_RESET);
    event.data.vdevice_id++;
    put(host, &event, sizeof(event));
    event = event_of(host, IOMMU_VEVENT_TSM_RESET);
    event.data.virt_id++;
    put(host, &event, sizeof(event));
    taken(host);
    sim_nothing(host, from);
    g_assert_cmpuint(sim_count(host, from, "TSM_GET_STATE"), ==, 0);
    sim_qmp_state(host, "run");
}

/* Both at once: the end counts, and is told once. */
static void test_twice(SimHost *host)
{
    Event events[3];
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    end(host);
    /* In one piece: QEMU that reads of the first alone asks the device. */
    events[0] = event_of(host, IOMMU_VEVENT_TSM_ERROR);
    events[1] = event_of(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    events[2] = event_of(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    put(host, events, sizeof(events));
    check_ended(host, from);
}

/* The kernel says what only the device can tell more about. */
static void check_asks(SimHost *host, const void *data, size_t size)
{
    unsigned int from = sim_now(host);

    put(host, data, size);
    while (!sim_count(host, from, "TSM_GET_STATE")) {
        g_usleep(100);
    }
    taken(host);
    sim_nothing(host, from);
    sim_qmp_state(host, "run");
}

static void test_lost(SimHost *host)
{
    struct iommufd_vevent_header lost = {
        .flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS,
    };
    unsigned int from;
    Event event;

    sim_start_mapped(host);
    sim_run(host);
    /* All is well: at the end, in between, of an unknown kind, cut off */
    lost.sequence = host->sequence++;
    check_asks(host, &lost, sizeof(lost));
    host->sequence++;
    event = event_of(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    event.data.bind = 0;
    check_asks(host, &event, sizeof(event));
    event = event_of(host, 31);
    check_asks(host, &event, sizeof(event));
    event = event_of(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    check_asks(host, &event, sizeof(event) - 1);
    check_asks(host, &event, 1);

    /* What was lost is the end. */
    from = sim_now(host);
    end(host);
    lost.sequence = host->sequence++;
    put(host, &lost, sizeof(lost));
    check_gone(host, from, false);
}

static void put_stale(SimHost *host, uint32_t sequence)
{
    Event event;

    host->sequence = sequence;
    event = event_of(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    event.data.bind--;
    put(host, &event, sizeof(event));
    taken(host);
    /* What the kernel tells goes ahead of this. */
    sim_ok(host, TDCM_OP_CHECK_TEEIO_SUPP);
}

/* Numbers begin anew, and no event is missed. */
static void test_wraps(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    put_stale(host, INT32_MAX);
    g_assert_cmpuint(sim_count(host, from, "TSM_GET_STATE"), ==, 1);
    put_stale(host, 0);
    put_stale(host, 1);
    g_assert_cmpuint(sim_count(host, from, "TSM_GET_STATE"), ==, 1);
    sim_qmp_state(host, "run");
}

/* The kernel had no memory to map a page; what says so may be lost as well. */
static void check_memory(SimHost *host, const void *data, size_t size)
{
    unsigned int from;

    g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, true), ==, 0);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    host->shared->lost_memory = true;
    from = sim_now(host);
    put(host, data, size);
    wait_state(host, "hidden");
    wait_event(host, "hidden", "memory");
    sim_in_order(host, from, "TSM_GET_STATE", "TSM_UNBIND", NULL);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    sim_qmp_state(host, "hidden");
    host->shared->lost_memory = false;
    recover(host);
    wait_event(host, "run", "guest");
    g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, false), ==, 0);
}

static void test_memory(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    struct iommufd_vevent_header lost = {
        .flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS,
    };
    unsigned int from;
    Event event;

    sim_start_mapped(host);
    sim_run(host);
    /* Nothing to lose: DMA is not enabled. */
    host->shared->lost_memory = true;
    event = event_of(host, IOMMU_VEVENT_TSM_MEMORY);
    check_asks(host, &event, sizeof(event));
    host->shared->lost_memory = false;

    event = event_of(host, IOMMU_VEVENT_TSM_MEMORY);
    check_memory(host, &event, sizeof(event));
    lost.sequence = host->sequence++;
    check_memory(host, &lost, sizeof(lost));

    /* Nor does it matter that the device does not say how it is. */
    event = event_of(host, IOMMU_VEVENT_TSM_MEMORY);
    sim_fail(host, "TSM_GET_STATE", 1, EIO);
    check_memory(host, &event, sizeof(event));
    sim_fail_no_more(host);

    /* Of a device that is not in RUN any more that is not what matters. */
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    host->shared->lost_memory = true;
    host->shared->tdi_state = TDISP_STATE_ERROR;
    from = sim_now(host);
    tell(host, IOMMU_VEVENT_TSM_MEMORY);
    wait_event(host, "error", "device-error");
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
}

/* It cannot be unbound: out of use, and told as any unbind that fails. */
static void test_memory_stuck(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    sim_start_mapped(host);
    sim_run(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    host->shared->lost_memory = true;
    sim_fail(host, "TSM_UNBIND", 1, EIO);
    tell(host, IOMMU_VEVENT_TSM_MEMORY);
    wait_state(host, "unknown");
    wait_event(host, "unknown", "memory");
    sim_fail_no_more(host);
    recover(host);
}

/* Nobody asks, neither guest nor monitor. */
static void test_error(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    host->shared->tdi_state = TDISP_STATE_ERROR;
    tell(host, IOMMU_VEVENT_TSM_ERROR);
    wait_event(host, "error", "device-error");
    sim_nothing(host, from);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
}

/*
 * A queue that cannot be read any more stays readable to poll(): it is given
 * up, and the TDI goes on without.
 */
static void test_dead_queue(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    sim_fail_always(host, "VEVENTQ_READ", EIO);
    from = sim_now(host);
    tell(host, IOMMU_VEVENT_TSM_ERROR);
    while (!sim_count(host, from, "VEVENTQ_READ")) {
        g_usleep(100);
    }
    /* The main loop answers once it is done with that. */
    sim_qmp_state(host, "run");
    sim_in_order(host, from, "VEVENTQ_READ", "DESTROY", NULL);
    g_assert_cmpuint(sim_count(host, from, "VEVENTQ_READ"), ==, 1);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_RUN);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
}

/* A kernel that does not tell: it is noticed by whoever asks. */
static void test_silent(SimHost *host)
{
    unsigned int from;

    sim_fail(host, "VEVENTQ_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    end(host);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    check_gone(host, from, false);
}

/*
 * While the TSM is at work: the end comes after that, but may be told before
 * QEMU knows how that went.  Returns whether the guest's request succeeded.
 */
static bool ends_while(SimHost *host, const char *name, uint16_t operation)
{
    unsigned int from = sim_now(host);

    sim_stall(host, name);
    sim_tdcm_begin(host, operation);
    while (!sim_count(host, from, name)) {
        g_usleep(100);
    }
    if (!strcmp(name, "TSM_BIND")) {
        /* Which it will be then */
        host->shared->binds++;
        tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
        host->shared->binds--;
    } else {
        end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    }
    g_usleep(10000);
    sim_release(host);
    return sim_tdcm_end(host).status == TDCM_STATUS_COMPLETED;
}

static void test_in_bind(SimHost *host)
{
    sim_start_mapped(host);
    if (ends_while(host, "TSM_BIND", TDCM_OP_BIND)) {
        wait_state(host, "hidden");
    }
    taken(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    sim_run(host);
}

/* The report that QEMU reads for itself; that it has none is told once. */
static void test_in_bind_report(SimHost *host)
{
    sim_start_mapped(host);
    sim_expect(host, "vfio dev0: the interface report is of no use: it could "
               "not be read; no MMIO can be private");
    ends_while(host, "TSM_READ_OBJECT", TDCM_OP_BIND);
    wait_state(host, "hidden");
    recover(host);
}

static void test_in_report(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    ends_while(host, "TSM_READ_OBJECT", TDCM_OP_GET_TDI_REPORT);
    check_ended(host, from);
}

static void test_in_start(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_lock(host);
    sim_make_private(host);
    from = sim_now(host);
    g_assert_false(ends_while(host, "TSM_SET_STATE", TDCM_OP_START_TDI));
    wait_state(host, "hidden");
    taken(host);
    wait_unbind(host, from);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   0), !=, UINT_MAX);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    recover(host);
}

/* It makes no difference to who wants just that. */
static void test_in_unbind(SimHost *host)
{
    sim_start_mapped(host);
    sim_run(host);
    g_assert_true(ends_while(host, "TSM_UNBIND", TDCM_OP_UNBIND));
    taken(host);
    sim_qmp_state(host, "config-unlocked");
    sim_run(host);
}

/* The device is asked when that is possible again. */
static void test_error_in_report(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    sim_stall(host, "TSM_READ_OBJECT");
    sim_tdcm_begin(host, TDCM_OP_GET_TDI_REPORT);
    while (!sim_count(host, from, "TSM_READ_OBJECT")) {
        g_usleep(100);
    }
    host->shared->tdi_state = TDISP_STATE_ERROR;
    tell(host, IOMMU_VEVENT_TSM_ERROR);
    taken(host);
    sim_qmp_state(host, "run");
    sim_release(host);
    sim_tdcm_end(host);
    wait_event(host, "error", "device-error");
}

/* Of another vDEVICE the binds are counted anew. */
static void test_renumbered(SimHost *host)
{
    unsigned int from;

    sim_start_behind(host);
    sim_run(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_renumber(host);
    sim_run(host);
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    wait_state(host, "hidden");
    check_ended(host, from);
}

/*
 * What came of the old one says nothing of the new one, whose first bind it is.
 */
static void test_renumbered_after_end(SimHost *host)
{
    unsigned int from;

    sim_start_behind(host);
    sim_run(host);
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_RESET);
    wait_event(host, "hidden", "host");
    wait_unbind(host, from);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_renumber(host);
    sim_run(host);
    wait_event(host, "run", "guest");
    from = sim_now(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    wait_state(host, "hidden");
    check_ended(host, from);
}

static const SimTest tests[] = {
    { "in-locked", test_in_locked },
    { "in-run", test_in_run },
    { "told-later", test_told_later },
    { "of-monitor", test_of_monitor },
    { "stale", test_stale },
    { "renumbered", test_renumbered },
    { "renumbered-after-end", test_renumbered_after_end },
    { "twice", test_twice },
    { "lost", test_lost },
    { "wraps", test_wraps },
    { "error", test_error },
    { "dead-queue", test_dead_queue },
    { "silent", test_silent },
    { "in-bind", test_in_bind },
    { "in-bind-report", test_in_bind_report },
    { "in-report", test_in_report },
    { "in-start", test_in_start },
    { "in-unbind", test_in_unbind },
    { "error-in-report", test_error_in_report },
};

void sim_test_add_ended(void)
{
    sim_add_tests("ended", tests, ARRAY_SIZE(tests));
    /* Only software-protected VMs have private DMA. */
    qtest_add_func("vfio-private-sim/ended/memory", test_memory);
    qtest_add_func("vfio-private-sim/ended/memory-stuck", test_memory_stuck);
}
