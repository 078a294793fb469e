/*
 * The thread that does what is wanted of a TDI, when nothing is
 *
 * Included once, by test-tdi-binding.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_BINDING_WORKER_H
#define TDI_BINDING_WORKER_H

#include "block/aio.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"

static int locked_as_bql_goes;

static void lock_is_held(void)
{
    g_assert_cmpint(qemu_mutex_trylock(&f.binding.lock), !=, 0);
    locked_as_bql_goes++;
}

/* Who ends it waits for that lock: there must be no time with neither. */
static void test_worker_locks_first(void)
{
    setup();
    locked_as_bql_goes = 0;
    f.on_unlock = lock_is_held;
    request_ok(TDCM_OP_BIND);
    f.on_unlock = NULL;
    g_assert_cmpint(locked_as_bql_goes, >, 0);
    teardown();
}

static void test_worker_lingers(void)
{
    unsigned int worker;
    int i;

    setup();
    request_ok(TDCM_OP_BIND);
    worker = f.worker;
    g_assert_cmpint(worker, !=, 0);
    /* Nothing depends on it meanwhile: the device may be unplugged. */
    g_assert_cmpint(f.refs, ==, 0);
    /* One that does not wait has had the time to go. */
    for (i = 0; i < 50; i++) {
        others_go_on();
    }
    g_assert_nonnull(f.binding.worker);
    to_run_locked();
    g_assert_cmpint(ask(TDI_OPERATION_UNBIND, TDI_REASON_MONITOR), ==, 0);
    g_assert_cmpint(f.worker, ==, worker);
    g_assert_cmpint(f.refs, ==, 0);
    teardown();
}

static void test_worker_goes(void)
{
    unsigned int worker;

    setup();
    tdi_linger_ms = 1;
    request_ok(TDCM_OP_BIND);
    worker = f.worker;
    while (f.binding.worker) {
        others_go_on();
    }
    to_run_locked();
    g_assert_cmpint(f.worker, !=, worker);
    tdi_linger_ms = 60 * 60 * 1000;
    teardown();
}

/* While it lingers, whoever ends the TDI does so at once, and by itself. */
static void test_worker_leaves_ends(void)
{
    static const TDIReason ends[] = {
        TDI_REASON_RESET, TDI_REASON_UNPLUG, TDI_REASON_EXIT,
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(ends); i++) {
        setup();
        to_run();
        g_assert_nonnull(f.binding.worker);
        g_assert_true(tdi_binding_force(&f.binding, ends[i]));
        g_assert_cmpint(f.worker, ==, 0);
        g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
        g_assert_cmpint(f.refs, ==, 0);
        f.mmio_private = false;
        teardown();
    }
}

/*
 * It is not one of the vCPUs: the TDI is unbound, and the guest hears of
 * it later.
 */
static void test_worker_stopped_vm(void)
{
    unsigned int worker;

    setup();
    to_run();
    worker = f.worker;
    f.stopped = true;
    buffer(TDCM_OP_UNBIND);
    g_assert_cmpint(ring(RID, RAM_BASE, 0x1000, 0), ==, 0);
    idle();
    g_assert_cmpint(f.worker, ==, worker);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmpint(f.ram[8], ==, NO_ANSWER);
    /* The reply is what holds the device. */
    g_assert_cmpint(f.refs, ==, 1);
    f.stopped = false;
    vfio_private_request_resume();
    g_assert_cmpint(f.ram[8], ==, TDCM_STATUS_COMPLETED);
    request_ok(TDCM_OP_BIND);
    g_assert_cmpint(f.worker, ==, worker);
    teardown();
}

/*
 * While the VM waits for its reset nothing begins, and the main loop, which
 * does not poll, hears of the end of what is in progress.
 */
static void test_reset_waits(void)
{
    AioContext *ctx;

    qemu_init_main_loop(&error_abort);
    ctx = qemu_get_aio_context();
    while (aio_poll(ctx, false)) {
        continue;
    }
    setup();
    g_assert_cmpint(ask(TDI_OPERATION_BIND, TDI_REASON_MONITOR), ==, 0);
    g_assert_false(aio_poll(ctx, false));
    g_string_truncate(f.log, 0);
    tdi_reset_waits = true;
    g_assert_cmpint(ask(TDI_OPERATION_UNBIND, TDI_REASON_MONITOR), ==,
                    -ECANCELED);
    tdi_reset_waits = false;
    g_assert_cmpstr(f.log->str, ==, "");
    g_assert_true(aio_poll(ctx, false));
    teardown();
}

#endif /* TDI_BINDING_WORKER_H */
