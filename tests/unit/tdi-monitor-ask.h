/*
 * Whoever only asks for the state or the report must not make others fail
 *
 * Included once, by test-tdi-monitor.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_MONITOR_ASK_H
#define TDI_MONITOR_ASK_H

/* A vCPU with a request that needs no buffer, and what came out. */
typedef struct Vcpu {
    QemuThread thread;
    TDIOperation operation;
    int ret;
} Vcpu;

static void *vcpu_thread(void *opaque)
{
    Vcpu *vcpu = opaque;
    GByteArray *report;
    uint64_t code;

    bql_lock();
    switch (vcpu->operation) {
    case TDI_OPERATION_GET_STATE:
        vcpu->ret = tdi_binding_query(&f.binding, TDI_REASON_GUEST, &code);
        break;
    case TDI_OPERATION_READ_REPORT:
        vcpu->ret = tdi_binding_report(&f.binding, &report, &code);
        if (!vcpu->ret) {
            g_byte_array_unref(report);
        }
        break;
    case TDI_OPERATION_START:
        vcpu->ret = tdi_binding_start(&f.binding, TDI_REASON_GUEST, &code);
        break;
    default:
        vcpu->ret = tdi_binding_unbind(&f.binding, TDI_REASON_GUEST);
        break;
    }
    bql_unlock();
    return NULL;
}

static void vcpu_go(Vcpu *vcpu, TDIOperation operation)
{
    vcpu->operation = operation;
    qemu_thread_create(&vcpu->thread, "vcpu", vcpu_thread, vcpu,
                       QEMU_THREAD_JOINABLE);
}

/* One asks, and is inside the TSM when this returns. */
static void vcpu_asks(Vcpu *vcpu, TDIOperation operation)
{
    f.on_tsm = tsm_waits;
    vcpu_go(vcpu, operation);
    bql_unlock();
    qemu_sem_wait(&tsm_entered);
    bql_lock();
}

static int vcpu_result(Vcpu *vcpu)
{
    bql_unlock();
    qemu_thread_join(&vcpu->thread);
    bql_lock();
    return vcpu->ret;
}

static void until_busy(void)
{
    while (!f.binding.busy) {
        bql_unlock();
        g_usleep(20);
        bql_lock();
    }
}

static void test_ask_does_not_hinder(void)
{
    Vcpu asks, starts, again, unbinds;

    begin();
    request_ok(TDCM_OP_BIND);
    vcpu_asks(&asks, TDI_OPERATION_GET_STATE);
    query_is("config-locked", false);
    g_assert_cmpint(may_private(0, 0x3000), ==, 0);
    f.mmio_private = true;
    vcpu_go(&starts, TDI_OPERATION_START);
    until_busy();
    /* It waits; who comes later does not get in before it. */
    query_is("config-locked", true);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_LOCKED);
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_INVALID_STATE);
    request_err(TDCM_OP_GET_TDI_STATE, TDCM_ERROR_INVALID_STATE);
    qemu_sem_post(&tsm_go);
    g_assert_cmpint(vcpu_result(&asks), ==, 0);
    g_assert_cmpint(vcpu_result(&starts), ==, 0);
    query_is("run", false);

    vcpu_asks(&asks, TDI_OPERATION_READ_REPORT);
    vcpu_go(&again, TDI_OPERATION_GET_STATE);
    vcpu_go(&unbinds, TDI_OPERATION_UNBIND);
    until_busy();
    qemu_sem_post(&tsm_go);
    g_assert_cmpint(vcpu_result(&asks), ==, 0);
    g_assert_cmpint(vcpu_result(&unbinds), ==, 0);
    /* Whether this one was before the change or during it is open. */
    g_assert_true(vcpu_result(&again) == 0 || again.ret == -EBUSY);
    query_is("config-unlocked", false);
    end();
}

/* The report cannot be read, which leads to a look at the state. */
static void test_unbind_after_failed_ask(void)
{
    Vcpu asks;

    begin();
    to_run();
    f.report_ret = -EIO;
    vcpu_asks(&asks, TDI_OPERATION_READ_REPORT);
    qmp_ok(UNBIND);
    until_busy();
    qemu_sem_post(&tsm_go);
    g_assert_cmpint(vcpu_result(&asks), ==, -EIO);
    main_loop();
    query_is("config-unlocked", false);
    g_assert_cmpuint(seen.failures, ==, 0);
    end();
}

/* Whoever waits when it is reset has nothing left to change. */
static void test_reset_while_waiting(void)
{
    Vcpu asks, unbinds;

    begin();
    to_run();
    vcpu_asks(&asks, TDI_OPERATION_GET_STATE);
    vcpu_go(&unbinds, TDI_OPERATION_UNBIND);
    until_busy();
    qemu_sem_post(&tsm_go);
    g_assert_true(tdi_binding_force(&f.binding, TDI_EVENT_RESET,
                                    TDI_REASON_RESET));
    g_assert_cmpint(vcpu_result(&asks), ==, -ECANCELED);
    g_assert_cmpint(vcpu_result(&unbinds), ==, -ECANCELED);
    query_is("config-unlocked", false);
    end();
}

#endif /* TDI_MONITOR_ASK_H */
