/*
 * The guest's requests beside those of the monitor, and ends in the middle
 *
 * Included once, by test-tdi-monitor.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_MONITOR_GUEST_H
#define TDI_MONITOR_GUEST_H

/* The buffer of a vCPU, each on a page of its own; the first is request()'s. */
static struct tdcm_buffer *vcpu_buffer(unsigned int vcpu)
{
    return (struct tdcm_buffer *)(f.ram + vcpu * 0x1000);
}

/* Returns as the call does, which is with or without the answer. */
static struct tdcm_buffer *vcpu_asks(unsigned int vcpu, uint16_t op)
{
    struct tdcm_buffer *b = vcpu_buffer(vcpu);

    memset(b, 0, 0x1000);
    b->operation = cpu_to_le16(op);
    b->data_length = cpu_to_le32(0x1000 - sizeof(*b));
    g_assert_cmpint(ring(RID, RAM_BASE + vcpu * 0x1000, 0x1000, 0), ==, 0);
    return b;
}

/* The same while the TSM is at work for it */
static struct tdcm_buffer *vcpu_asks_slow_tsm(unsigned int vcpu, uint16_t op)
{
    struct tdcm_buffer *b;

    f.on_tsm = tsm_waits;
    b = vcpu_asks(vcpu, op);
    until_entered();
    g_assert_cmpint(b->status, ==, NO_ANSWER);
    return b;
}

/* A slow TSM keeps no vCPU: the call returns, the answer comes later. */
static void test_guest_polls(void)
{
    struct tdcm_buffer *b;

    begin();
    b = vcpu_asks_slow_tsm(0, TDCM_OP_BIND);
    query_is("config-unlocked", true);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpint(b->status, ==, TDCM_STATUS_COMPLETED);
    seen_is(1, TDI_STATE_CONFIG_LOCKED, TDI_REASON_GUEST);
    b = vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_REPORT);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpint(b->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(le32_to_cpu(b->data_length), >, 0);
    end();
}

/* What the monitor wants comes next, whatever the guest has asked before. */
static void test_guest_overtaken(void)
{
    struct tdcm_buffer *first, *second, *third;

    begin();
    to_run();
    g_string_truncate(f.log, 0);
    first = vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_STATE);
    second = vcpu_asks(1, TDCM_OP_GET_TDI_REPORT);
    third = vcpu_asks(2, TDCM_OP_UNBIND);
    g_assert_cmpint(second->status, ==, NO_ANSWER);
    g_assert_cmpint(third->status, ==, NO_ANSWER);
    qmp_ok(UNBIND);
    qmp_ok(REFRESH);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpstr(f.log->str, ==, "state stop remap share remap ");
    g_assert_cmpint(first->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(second->status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(second->error, ==, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpint(third->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(seen.operation, ==, TDI_OPERATION_GET_STATE);
    seen_is(4, TDI_STATE_CONFIG_UNLOCKED, TDI_REASON_GUEST);
    end();
}

static void test_guest_too_many(void)
{
    struct tdcm_buffer *b;
    unsigned int i;

    begin();
    vcpu_asks_slow_tsm(0, TDCM_OP_BIND);
    for (i = 1; i < TDCM_PENDING_MAX; i++) {
        b = vcpu_asks(i, TDCM_OP_GET_TDI_STATE);
        g_assert_cmpint(b->status, ==, NO_ANSWER);
    }
    b = vcpu_asks(i, TDCM_OP_GET_TDI_STATE);
    g_assert_cmpint(b->status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(b->error, ==, TDCM_ERROR_INVALID_STATE);
    /* The monitor is not kept out by them. */
    qmp_ok(UNBIND);
    qemu_sem_post(&tsm_go);
    idle();
    for (i = 0; i < TDCM_PENDING_MAX; i++) {
        g_assert_cmpint(vcpu_buffer(i)->status, ==, TDCM_STATUS_COMPLETED);
    }
    end();
}

/* Memory of a VM that is stopped does not change. */
static void test_guest_while_stopped(void)
{
    struct tdcm_buffer *binds, *asks;

    begin();
    binds = vcpu_asks_slow_tsm(0, TDCM_OP_BIND);
    asks = vcpu_asks(1, TDCM_OP_GET_TDI_STATE);
    f.stopped = true;
    qemu_sem_post(&tsm_go);
    idle();
    query_is("config-locked", false);
    g_assert_cmpint(binds->status, ==, NO_ANSWER);
    g_assert_cmpint(asks->status, ==, NO_ANSWER);
    g_assert_cmpint(f.refs, ==, 2);
    f.stopped = false;
    vfio_private_request_resume();
    g_assert_cmpint(binds->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(asks->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(f.refs, ==, 0);
    end();
}

/* Nobody is there for the answer, and where it would go is not his. */
static void test_guest_was_reset(void)
{
    struct tdcm_buffer *held, *held_too, *slow;

    begin();
    held = vcpu_asks_slow_tsm(1, TDCM_OP_BIND);
    held_too = vcpu_asks(2, TDCM_OP_CHECK_TEEIO_SUPP);
    f.stopped = true;
    qemu_sem_post(&tsm_go);
    idle();
    slow = vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_STATE);
    qemu_sem_post(&tsm_go);
    vfio_private_request_reset();
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    f.stopped = false;
    vfio_private_request_resume();
    idle();
    g_assert_cmpint(held->status, ==, NO_ANSWER);
    g_assert_cmpint(held_too->status, ==, NO_ANSWER);
    g_assert_cmpint(slow->status, ==, NO_ANSWER);
    g_assert_cmpint(f.refs, ==, 0);
    request_ok(TDCM_OP_BIND);
    end();
}

/* Whoever only asks does not make a conversion fail. */
static void test_guest_converts(void)
{
    begin();
    request_ok(TDCM_OP_BIND);
    vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_STATE);
    g_assert_cmpint(may_private(0, 0x3000), ==, 0);
    f.mmio_private = true;
    vcpu_asks(1, TDCM_OP_START_TDI);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_LOCKED);
    qemu_sem_post(&tsm_go);
    idle();
    query_is("run", false);
    end();
}

static void try_again(void)
{
    g_assert_cmpint(may_private(0, 0x3000), ==, -EAGAIN);
    g_assert_cmpint(may_shared(0, 0x3000), ==, -EAGAIN);
    qemu_sem_post(&tsm_go);
    idle();
}

/* But while the state changes nobody knows what may be converted. */
static void test_guest_converts_meanwhile(void)
{
    begin();
    f.on_tsm = tsm_waits;
    qmp_ok(BIND);
    until_entered();
    try_again();
    f.on_tsm = tsm_waits;
    qmp_ok(UNBIND);
    until_entered();
    try_again();
    query_is("config-unlocked", false);
    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    vcpu_asks_slow_tsm(0, TDCM_OP_START_TDI);
    try_again();
    query_is("run", false);
    end();
}

/* Whoever asks often does not keep the guest out. */
static void test_guest_beside_monitor(void)
{
    struct tdcm_buffer *b;
    int i;

    begin();
    f.on_tsm = tsm_waits;
    qmp_ok(BIND);
    until_entered();
    for (i = 0; i < TDCM_PENDING_MAX; i++) {
        qmp_ok(REFRESH);
    }
    b = vcpu_asks(0, TDCM_OP_UNBIND);
    g_assert_cmpint(b->status, ==, NO_ANSWER);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpint(b->status, ==, TDCM_STATUS_COMPLETED);
    end();
}

/* The report cannot be read, which leads to a look at the state. */
static void test_unbind_after_failed_ask(void)
{
    struct tdcm_buffer *b;

    begin();
    to_run();
    f.report_ret = -EIO;
    b = vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_REPORT);
    qmp_ok(UNBIND);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpint(b->status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(b->error, ==, TDCM_ERROR_DEVICE);
    query_is("hidden", false);
    g_assert_cmpuint(seen.failures, ==, 0);
    end();
}

/* Whoever waits when it is reset has nothing left to change. */
static void test_reset_while_waiting(void)
{
    struct tdcm_buffer *asks, *unbinds;

    begin();
    to_run();
    asks = vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_STATE);
    unbinds = vcpu_asks(1, TDCM_OP_UNBIND);
    qmp_ok(UNBIND);
    qemu_sem_post(&tsm_go);
    g_string_truncate(f.log, 0);
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    idle();
    g_assert_cmpstr(f.log->str, ==, "stop share ");
    g_assert_cmpint(asks->status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(unbinds->status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_CANCELED);
    query_is("config-unlocked", false);
    end();
}

/*
 * A reset while the kernel is told that QEMU knows of an end: nothing turns
 * shared before that is over.
 */
static void test_reset_while_ending(void)
{
    begin();
    to_run();
    g_string_truncate(f.log, 0);
    f.ended = true;
    f.on_tsm = tsm_waits;
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    until_entered();
    query_is("hidden", true);
    qemu_sem_post(&tsm_go);
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    g_assert_cmpstr(f.log->str, ==, "remap stop stop share remap ");
    idle();
    query_is("config-unlocked", false);
    g_assert_false(f.hidden);
    end();
}

/* QEMU does not wait for a TSM when it ends. */
static void test_exit(void)
{
    struct tdcm_buffer *unbinds, *waits;

    begin();
    to_run();
    unbinds = vcpu_asks_slow_tsm(0, TDCM_OP_UNBIND);
    waits = vcpu_asks(1, TDCM_OP_GET_TDI_STATE);
    g_string_truncate(f.log, 0);
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_EXIT));
    g_assert_cmpstr(f.log->str, ==, "");
    query_is("run", true);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpint(unbinds->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(waits->status, ==, TDCM_STATUS_ERROR);
    query_is("config-unlocked", false);
    end();
}

#endif /* TDI_MONITOR_GUEST_H */
