/*
 * QTest of private device assignment on a simulated host: private DMA
 *
 * The device is attached to the page table with the guest's private memory
 * while the guest has asked for it, and to the shared one at all other times.
 * All that is private is populated before, and so is what turns private later.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vfio-private-sim.h"

#define PAGE 4096ULL
/* What the guest converts */
#define RAM 0x300000ULL
#define RAM_SIZE (4 * PAGE)
/* How far the BARs of a second device are from those of the first */
#define MOVED 0x1000000ULL

static uint8_t support(SimHost *host)
{
    SimReply reply = sim_tdcm(host, TDCM_OP_CHECK_TEEIO_SUPP);

    g_assert_cmpint(reply.status, ==, TDCM_STATUS_COMPLETED);
    return reply.data[0];
}

bool sim_attached_private(SimHost *host)
{
    return host->shared->private_hwpt &&
           host->shared->attached == host->shared->private_hwpt;
}

/* What query-tdi says; -1: it is not enabled; -2: how much is not known */
static int64_t queried(SimHost *host)
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-tdi' }");
    QDict *info = qobject_to(QDict,
                             qlist_peek(qdict_get_qlist(response, "return")));
    bool enabled = qdict_get_bool(info, "private-dma-enabled");
    int64_t bytes = qdict_get_try_int(info, "private-dma", enabled ? -2 : -1);

    g_assert_true(enabled || bytes == -1);
    qobject_unref(response);
    return bytes;
}

static void convert(SimHost *host, uint64_t gpa, bool to_private)
{
    g_assert_cmphex(sim_convert(host, gpa, RAM_SIZE, to_private), ==, 0);
}

static void start_running(SimHost *host)
{
    sim_start_mapped(host);
    convert(host, RAM, true);
    sim_run(host);
}

static void start_enabled(SimHost *host)
{
    start_running(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_true(sim_attached_private(host));
}

/* On the shared page table, and what turns private is not populated. */
static void check_off(SimHost *host)
{
    unsigned int from = sim_now(host);

    g_assert_false(sim_attached_private(host));
    g_assert_cmpint(queried(host), ==, -1);
    convert(host, RAM + RAM_SIZE, true);
    convert(host, RAM + RAM_SIZE, false);
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 0);
}

/* It can be had once more, from whatever state the device is in. */
static void check_again(SimHost *host)
{
    sim_fail_no_more(host);
    sim_ok(host, TDCM_OP_UNBIND);
    check_off(host);
    sim_run(host);
    g_assert_false(sim_attached_private(host));
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_true(sim_attached_private(host));
}

/*
 * Refusals
 */

static void test_state(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_now(host);
    sim_error(host, TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    sim_ok(host, TDCM_OP_DISABLE_DMA);
    sim_nothing(host, from);
    sim_lock(host);
    from = sim_now(host);
    sim_error(host, TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    sim_ok(host, TDCM_OP_DISABLE_DMA);
    sim_nothing(host, from);
    sim_make_private(host);
    sim_ok(host, TDCM_OP_START_TDI);
    host->shared->tdi_state = TDISP_STATE_ERROR;
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    from = sim_now(host);
    sim_error(host, TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    sim_nothing(host, from);
}

static void check_unsupported(SimHost *host)
{
    unsigned int from;

    start_running(host);
    g_assert_cmphex(support(host), ==, TDCM_SUPP_TEEIO);
    from = sim_now(host);
    sim_error(host, TDCM_OP_ENABLE_DMA, TDCM_ERROR_DEVICE);
    sim_ok(host, TDCM_OP_DISABLE_DMA);
    sim_nothing(host, from);
    g_assert_cmpuint(sim_count(host, 0, "PRIVATE_MAP"), ==, 0);
    check_off(host);
}

/* The TSM of a TDX guest has page tables of its own. */
static void test_kinds(SimHost *host)
{
    if (host->tdx) {
        sim_start_mapped(host);
        g_assert_cmphex(support(host), ==, TDCM_SUPP_TEEIO);
        sim_run(host);
        sim_error(host, TDCM_OP_ENABLE_DMA, TDCM_ERROR_DEVICE);
        g_assert_cmpuint(sim_count(host, 0, "PRIVATE_MAP"), ==, 0);
        g_assert_cmpuint(sim_count(host, 0, "PRIVATE_UNMAP"), ==, 0);
        return;
    }
    sim_connect(host, "\n");
    sim_start_mapped(host);
    g_assert_cmphex(support(host), ==, 0);
    sim_connect(host, "tsm0\n");
    g_assert_cmphex(support(host), ==,
                    TDCM_SUPP_TEEIO | TDCM_SUPP_PRIVATE_DMA);
}

static void test_old_kernel(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    host->shared->no_private_dma = 1;
    check_unsupported(host);
}

/* A part of RAM that devices would miss: then none of it. */
static void test_not_mapped(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_expect(host, "cannot be mapped: Cannot allocate memory; "
               "TDIs have no DMA to it");
    sim_fail_always(host, "PRIVATE_MAP", ENOMEM);
    start_running(host);
    sim_fail_no_more(host);
    from = sim_now(host);
    g_assert_cmpint(sim_tdcm(host, TDCM_OP_ENABLE_DMA).status, ==,
                    TDCM_STATUS_ERROR);
    g_assert_cmpuint(sim_count(host, from, "ATTACH_IOMMUFD"), ==, 0);
    check_off(host);
    sim_qmp_state(host, "run");
}

/*
 * On and off
 */

static void test_enable(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from, at;

    start_running(host);
    from = sim_now(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    at = sim_find_args(host, from, "POPULATE", RAM, RAM_SIZE);
    g_assert_cmpuint(at, !=, UINT_MAX);
    /* Nothing but what is private */
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 1);
    sim_in_order(host, from, "POPULATE", "HWPT_ALLOC", "ATTACH_IOMMUFD", NULL);
    g_assert_true(sim_attached_private(host));
    /* As if all of RAM was private, in bytes */
    g_assert_cmpint(queried(host), >=, 0x300000);
    from = sim_now(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    sim_nothing(host, from);

    sim_ok(host, TDCM_OP_DISABLE_DMA);
    g_assert_cmpuint(sim_count(host, from, "ATTACH_IOMMUFD"), ==, 1);
    check_off(host);
    sim_qmp_state(host, "run");
    from = sim_now(host);
    sim_ok(host, TDCM_OP_DISABLE_DMA);
    sim_nothing(host, from);

    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmpuint(sim_count(host, from, "HWPT_ALLOC"), ==, 0);
    g_assert_true(sim_attached_private(host));
}

uint64_t sim_populated(SimHost *host, unsigned int from)
{
    uint64_t bytes = 0;

    for (; from < sim_now(host); from++) {
        if (!strcmp(sim_event(host, from)->name, "POPULATE")) {
            bytes += sim_event(host, from)->args[1];
        }
    }
    return bytes;
}

/* More than what is done in one step, in more than one run and section */
static void test_populates_all(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int at;

    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, 0x10000, 0x10000, true), ==, 0);
    g_assert_cmphex(sim_convert(host, 0x100000, 0x100000, true), ==, 0);
    g_assert_cmphex(sim_convert(host, RAM, 0x80000, true), ==, 0);
    g_assert_cmphex(sim_convert(host, RAM + 0x81000, 0x7f000, true), ==, 0);
    sim_run(host);
    at = sim_now(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmphex(sim_populated(host, at), ==,
                    0x10000 + 0x100000 + 0x80000 + 0x7f000);
}

/* Nobody waits for all of a large guest: so much at a time, as mmio.h says. */
static void test_populates_in_steps(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int at;

    host->after = "-m 8M";
    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, 0x300000, 0x300000, true), ==, 0);
    sim_run(host);
    at = sim_now(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmphex(sim_populated(host, at), ==, 0x300000);
    for (; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (!strcmp(event->name, "POPULATE")) {
            g_assert_cmphex(event->args[1], <=, 0x200000);
        }
    }
    g_assert_cmpuint(sim_count(host, 0, "POPULATE"), ==, 2);
}

static void test_convert(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_enabled(host);
    from = sim_now(host);
    convert(host, RAM + RAM_SIZE, true);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "POPULATE", NULL);
    g_assert_cmpuint(sim_find_args(host, from, "POPULATE", RAM + RAM_SIZE,
                                   RAM_SIZE), !=, UINT_MAX);
    from = sim_now(host);
    convert(host, RAM + RAM_SIZE, false);
    sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", NULL);
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "PRIVATE_UNMAP"), ==, 0);

    /* For want of memory it stays as it was. */
    sim_fail(host, "POPULATE", 1, ENOMEM);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, RAM + RAM_SIZE, RAM_SIZE, true), !=, 0);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "POPULATE",
                 "SET_ATTRIBUTES", "MAP", "PUNCH", NULL);
    convert(host, RAM + RAM_SIZE, true);
}

/* A signal to the thread that populates is no failure. */
static void test_interrupted(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_running(host);
    from = sim_now(host);
    sim_fail(host, "POPULATE", 1, EINTR);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 2);
    from = sim_now(host);
    sim_fail(host, "POPULATE", 1, EINTR);
    convert(host, RAM + RAM_SIZE, true);
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 2);
}

static void check_populated(SimHost *host, unsigned int from, uint64_t gpa,
                            uint64_t size)
{
    g_assert_cmpuint(sim_find_args(host, from, "POPULATE", gpa, size), !=,
                     UINT_MAX);
}

/*
 * What stays private, since a part of it could not be freed, has lost its
 * memory perhaps, and gets it again.  If there is none, it is shared in
 * the end.
 */
static void test_convert_fails(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_enabled(host);
    g_assert_cmphex(sim_convert(host, RAM + PAGE, PAGE, false), ==, 0);
    sim_expect(host, "Failed to fallocate");
    sim_fail(host, "PUNCH", 2, EIO);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, false), !=, 0);
    g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 2);
    check_populated(host, sim_find(host, from, "PUNCH"), RAM, PAGE);
    check_populated(host, from, RAM + 2 * PAGE, 2 * PAGE);

    sim_expect(host, "cannot be turned back and stays shared: Cannot allocate "
               "memory");
    sim_fail(host, "PUNCH", 2, EIO);
    sim_fail(host, "POPULATE", 1, ENOMEM);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, false), !=, 0);
    sim_in_order(host, sim_find(host, from, "POPULATE"), "SET_ATTRIBUTES",
                 "MAP", "SET_ATTRIBUTES", "POPULATE", NULL);
    check_populated(host, from, RAM, PAGE);
    convert(host, RAM, true);

    /* Nor can it be shared: then it is told that devices miss it. */
    g_assert_cmphex(sim_convert(host, RAM + PAGE, PAGE, false), ==, 0);
    sim_expect(host, "failed to set memory");
    sim_expect(host, "devices cannot reach it any more: Cannot allocate "
               "memory");
    sim_fail(host, "PUNCH", 2, EIO);
    sim_fail(host, "POPULATE", 1, ENOMEM);
    sim_fail(host, "SET_ATTRIBUTES", 3, EIO);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, false), !=, 0);
    g_assert_cmpuint(sim_count(host, sim_find(host, from, "POPULATE"), "MAP"),
                     ==, 0);
    g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, false), ==, 0);
}

/*
 * As long as one of them has DMA, all that turns private is populated.
 * The second one has it for a moment only: the simulated host has one such
 * page table.
 */
static void test_two(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    uint16_t rid;
    unsigned int from;

    host->after = "-device vfio-pci,id=dev1,fd=" stringify(SIM_SPARE_FD)
                  ",iommufd=i0,addr=3.0,private=on";
    start_enabled(host);
    rid = host->rid;
    host->rid = 3 << 3;
    sim_config_write(host, 0x10, SIM_BAR0 + MOVED);
    sim_config_write(host, 0x14, 0);
    sim_config_write(host, 0x18, SIM_BAR2 + MOVED);
    sim_config_write(host, 0x1c, 0);
    sim_command(host, 6);
    /* It has one state as well. */
    host->shared->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
    sim_lock(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR0 + MOVED, SIM_MSIX_TABLE, true),
                    ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2 + MOVED, SIM_BAR2_SIZE, true),
                    ==, 0);
    sim_ok(host, TDCM_OP_START_TDI);
    from = sim_now(host);
    g_assert_cmpint(sim_tdcm(host, TDCM_OP_ENABLE_DMA).status, ==,
                    TDCM_STATUS_ERROR);
    check_populated(host, from, RAM, RAM_SIZE);
    sim_ok(host, TDCM_OP_UNBIND);
    host->shared->tdi_state = TDISP_STATE_RUN;
    host->rid = rid;
    from = sim_now(host);
    convert(host, RAM + RAM_SIZE, true);
    check_populated(host, from, RAM + RAM_SIZE, RAM_SIZE);
    sim_ok(host, TDCM_OP_UNBIND);
    check_off(host);
}

/*
 * Failures
 */

static const char *const steps[] = { "POPULATE", "HWPT_ALLOC",
                                     "ATTACH_IOMMUFD" };

static void test_enable_fails(gconstpointer data)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    const char *const *step = data;

    start_running(host);
    sim_fail(host, *step, 1, ENOMEM);
    g_assert_cmpint(sim_tdcm(host, TDCM_OP_ENABLE_DMA).status, ==,
                    TDCM_STATUS_ERROR);
    check_off(host);
    sim_qmp_state(host, "run");
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_true(sim_attached_private(host));
    check_again(host);
}

/* Nobody says that it reaches nothing because the kernel does not tell. */
static void test_unknown(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;
    char *text;

    start_enabled(host);
    text = qtest_hmp(host->qts, "info tdi");
    g_assert_nonnull(strstr(text, "  DMA to "));
    g_assert_nonnull(strstr(text, " KiB of private memory"));
    g_free(text);
    from = sim_now(host);
    sim_fail_always(host, "OPTION", EIO);
    g_assert_cmpint(queried(host), ==, -2);
    text = qtest_hmp(host->qts, "info tdi");
    g_assert_nonnull(strstr(text, "  DMA to private memory, how much is not "
                                  "known"));
    g_free(text);
    /* Nor is it taken for a reason to end it. */
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_RUN);
    g_assert_cmpuint(sim_count(host, from, "OPTION"), ==, 3);
    g_assert_true(sim_attached_private(host));
    sim_fail_no_more(host);
    g_assert_cmpint(queried(host), >, 0);
}

static void test_disable_fails(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    start_enabled(host);
    sim_fail(host, "ATTACH_IOMMUFD", 1, EIO);
    sim_error(host, TDCM_OP_DISABLE_DMA, TDCM_ERROR_DEVICE);
    /* It is not known to be off. */
    g_assert_cmpint(queried(host), >, 0);
    sim_ok(host, TDCM_OP_DISABLE_DMA);
    check_off(host);
}

/* Once it runs again, its DMA would reach private memory unasked. */
static void test_unbind_fails(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    start_enabled(host);
    sim_fail(host, "ATTACH_IOMMUFD", 1, EIO);
    sim_error(host, TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    sim_qmp_state(host, "unknown");
    check_again(host);
}

/*
 * Ends
 */

static void end_guest(SimHost *host)
{
    sim_ok(host, TDCM_OP_UNBIND);
}

static void end_monitor(SimHost *host)
{
    sim_qmp_command(host, "tdi-unbind", "hidden");
    g_assert_false(sim_attached_private(host));
    g_assert_cmpint(queried(host), ==, -1);
}

/* RAM is shared again, but not while the TDI runs. */
static void end_reset(SimHost *host)
{
    unsigned int map, from = sim_now(host);

    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "RESET");
    map = sim_find_args(host, from, "MAP", RAM, RAM_SIZE);
    g_assert_cmpuint(map, !=, UINT_MAX);
    g_assert_cmpuint(sim_find(host, from, "TSM_UNBIND"), <, map);
    sim_map_bars(host);
    sim_command(host, 6);
    convert(host, RAM, true);
}

static const struct {
    const char *name;
    void (*fn)(SimHost *host);
} ends[] = {
    { "guest", end_guest },
    { "monitor", end_monitor },
    { "reset", end_reset },
};

static void test_end(gconstpointer data)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_enabled(host);
    from = sim_now(host);
    ends[GPOINTER_TO_INT(data)].fn(host);
    sim_in_order(host, from, "TSM_UNBIND", "ATTACH_IOMMUFD", NULL);
    check_again(host);
}

/*
 * A wake-up from S3 resets the device like a reset, and leaves RAM private and
 * populated.
 */
static void test_wakeup(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_enabled(host);
    sim_sleep(host);
    from = sim_now(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_wakeup' }");
    qtest_qmp_eventwait(host->qts, "WAKEUP");
    sim_in_order(host, from, "TSM_UNBIND", "ATTACH_IOMMUFD", "RESET", NULL);
    g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 0);
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpint(queried(host), ==, -1);
}

/* Unplug is in vfio-private-sim-port.c. */

static void test_quit(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_enabled(host);
    from = sim_now(host);
    sim_quit(host);
    sim_in_order(host, from, "TSM_UNBIND", "ATTACH_IOMMUFD", NULL);
    g_assert_cmpuint(sim_count(host, 0, "kernel unbinds"), ==, 0);
}

static const SimTest tests[] = {
    { "kinds", test_kinds },
    { "state", test_state },
};

void sim_test_add_dma(void)
{
    int i;

    sim_add_tests("dma", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/dma/old-kernel", test_old_kernel);
    qtest_add_func("vfio-private-sim/dma/not-mapped", test_not_mapped);
    qtest_add_func("vfio-private-sim/dma/enable", test_enable);
    qtest_add_func("vfio-private-sim/dma/populates-all", test_populates_all);
    qtest_add_func("vfio-private-sim/dma/populates-in-steps",
                   test_populates_in_steps);
    qtest_add_func("vfio-private-sim/dma/convert", test_convert);
    qtest_add_func("vfio-private-sim/dma/interrupted", test_interrupted);
    qtest_add_func("vfio-private-sim/dma/convert-fails", test_convert_fails);
    qtest_add_func("vfio-private-sim/dma/two", test_two);
    qtest_add_func("vfio-private-sim/dma/unknown", test_unknown);
    qtest_add_func("vfio-private-sim/dma/disable-fails", test_disable_fails);
    qtest_add_func("vfio-private-sim/dma/unbind-fails", test_unbind_fails);
    qtest_add_func("vfio-private-sim/dma/wakeup", test_wakeup);
    qtest_add_func("vfio-private-sim/dma/quit", test_quit);
    for (i = 0; i < ARRAY_SIZE(steps); i++) {
        g_autofree char *path =
            g_strdup_printf("vfio-private-sim/dma/enable-fails/%s", steps[i]);

        qtest_add_data_func(path, &steps[i], test_enable_fails);
    }
    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        g_autofree char *path = g_strdup_printf("vfio-private-sim/dma/end-%s",
                                                ends[i].name);

        qtest_add_data_func(path, GINT_TO_POINTER(i), test_end);
    }
    sim_test_add_dma_appear();
}
