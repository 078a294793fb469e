/*
 * The binding of one assigned device as a TDI: its queue
 *
 * All that is wanted of a TDI, but for the ends that cannot be refused, is a
 * request in its queue.  Nobody waits with the BQL for one to end: a thread
 * does them in order, which takes the BQL as a vCPU does, and drops it around
 * calls of the TSM, as these may take seconds.  It holds a reference to the
 * device until nothing is left to do.  The thread of one device never waits for
 * another's.
 *
 * What nobody asked for, and may take long, it does when there are no requests:
 * to populate memory that has appeared, step by step.  All others go first, and
 * an end finds nothing in progress.
 *
 * Then it lingers: the requests of a guest come one after the other, and to
 * make a thread takes as long as one of them.  It has nothing of the binding
 * meanwhile, which leaves it behind when it is destroyed.
 *
 * An end has the BQL, marks what waits and what is being done as cancelled, and
 * waits for the lock of the binding.  The thread takes the lock before it drops
 * the BQL.  So the end comes after the TSM has finished with what it was doing,
 * and before the thread finds its mark.
 *
 * No errno of a TSM can be taken for that mark: tdi_call() returns -ECANCELED
 * for it, and for nothing else.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qapi/qapi-types-tdi.h"
#include "binding.h"
#include "trace.h"

bool tdi_reset_waits;
QemuCond tdi_ended_cond;

static void __attribute__((__constructor__)) tdi_queue_init(void)
{
    qemu_cond_init(&tdi_ended_cond);
}

/*
 * Calls of the TSM
 */

/* What has come of a call; the latest failure is for the monitor. */
static void tdi_note(TDIBinding *binding, TDIOperation operation, int ret,
                     uint64_t code)
{
    trace_vfio_private_tdi_called(binding->name, TDIOperation_str(operation),
                                  code, ret);
    if (ret) {
        binding->errors++;
        qapi_free_TDIError(binding->last_error);
        binding->last_error = tdi_error_new(operation, ret, code);
    }
}

static void tsm_look(TDIBinding *binding, TDICall *call)
{
    call->connected = binding->tsm &&
                      binding->tsm->look(binding->ctx, &call->tsm_name,
                                         &call->tsm_kind);
    call->looked = true;
}

/* The report comes along: conversions depend on it. */
static int tsm_bind(TDIBinding *binding, TDICall *call)
{
    int ret;

    tsm_look(binding, call);
    if (!call->connected) {
        return -ENXIO;
    }
    ret = binding->tsm->bind(binding->ctx, binding->rid);
    if (ret) {
        /* Bound or not: never leave it at a guess. */
        call->stuck = binding->tsm->unbind(binding->ctx) != 0;
        return ret;
    }
    /* An end undoes it anyway, and has the BQL until then. */
    if (qatomic_read(&binding->current->cancelled) ||
        binding->tsm->read_report(binding->ctx, &call->report, &call->code)) {
        call->report = NULL;
    }
    return 0;
}

static int tsm_get_state(TDIBinding *binding, TDICall *call)
{
    int ret = binding->tsm->get_state(binding->ctx, &call->state, &call->code);

    if (ret == -ENXIO) {
        tsm_look(binding, call);
    }
    return ret;
}

/* Of a device without a TSM: BIND and CHECK, as it is never bound. */
static int tsm_call(TDIBinding *binding, TDIOperation operation, TDICall *call)
{
    switch (operation) {
    case TDI_OPERATION_BIND:
        return tsm_bind(binding, call);
    case TDI_OPERATION_UNBIND:
        return binding->tsm->unbind(binding->ctx);
    case TDI_OPERATION_START:
        return binding->tsm->start(binding->ctx, &call->code);
    case TDI_OPERATION_GET_STATE:
        return tsm_get_state(binding, call);
    case TDI_OPERATION_READ_REPORT:
        return binding->tsm->read_report(binding->ctx, &call->report,
                                         &call->code);
    case TDI_OPERATION_CHECK:
        tsm_look(binding, call);
        return 0;
    case TDI_OPERATION_ENABLE_DMA:
        return binding->tsm->enable_dma(binding->ctx);
    case TDI_OPERATION_DISABLE_DMA:
        return binding->tsm->disable_dma(binding->ctx);
    default:
        g_assert_not_reached();
    }
}

/* To those who ask, some errnos mean what a TSM cannot mean. */
static int tdi_call_errno(int ret)
{
    switch (ret) {
    case -EBUSY:
        /* The device is not in the condition. */
        return -EAGAIN;
    case -EAGAIN:
    case -ECANCELED:
    case -ENOTRECOVERABLE:
    case -EPERM:
        return -EIO;
    default:
        return ret;
    }
}

static void tdi_take_look(TDIBinding *binding, TDICall *call)
{
    if (call->looked) {
        binding->connected = call->connected;
        g_free(binding->tsm_name);
        binding->tsm_name = g_steal_pointer(&call->tsm_name);
        binding->tsm_kind = call->tsm_kind;
    }
}

void tdi_binding_disconnected(TDIBinding *binding)
{
    TDICall none = { .looked = true };

    tdi_take_look(binding, &none);
    binding->disconnects++;
}

int tdi_call(TDIBinding *binding, TDIOperation operation, TDICall *call)
{
    unsigned int disconnects = binding->disconnects;
    int ret;

    trace_vfio_private_tdi_call(binding->name, TDIOperation_str(operation));
    qemu_mutex_lock(&binding->lock);
    bql_unlock();
    ret = tsm_call(binding, operation, call);
    qemu_mutex_unlock(&binding->lock);
    bql_lock();
    if (disconnects != binding->disconnects) {
        /* It has seen what was before. */
        g_clear_pointer(&call->tsm_name, g_free);
        call->looked = false;
    }
    tdi_take_look(binding, call);
    ret = call->stuck ? -ENOTRECOVERABLE : tdi_call_errno(ret);
    tdi_note(binding, operation, ret, call->code);
    return binding->current->cancelled ? -ECANCELED : ret;
}

int tdi_call_unbind_now(TDIBinding *binding)
{
    int ret;

    WITH_QEMU_LOCK_GUARD(&binding->lock) {
        ret = binding->tsm->unbind(binding->ctx);
    }
    tdi_note(binding, TDI_OPERATION_UNBIND, tdi_call_errno(ret), 0);
    return ret;
}

void tdi_call_look(TDIBinding *binding)
{
    TDICall call = {};

    tsm_look(binding, &call);
    tdi_take_look(binding, &call);
}

/*
 * The queue
 */

static void tdi_work(TDIBinding *binding)
{
    TDIRequest *request = QSIMPLEQ_FIRST(&binding->requests);

    QSIMPLEQ_REMOVE_HEAD(&binding->requests, next);
    binding->current = request;
    request->cancelled |= tdi_reset_waits;
    request->ret = request->cancelled ? -ECANCELED : tdi_do(binding, request);
    binding->current = NULL;
    trace_vfio_private_tdi_done(binding->name,
                                TDIOperation_str(request->operation),
                                TDIReason_str(request->reason), request->ret);
    request->done(request);
    qemu_cond_broadcast(&tdi_ended_cond);
    if (tdi_reset_waits) {
        qemu_notify_event();
    }
}

/**
 * struct TDIWorker - the thread of a binding
 *
 * @binding: whose; NULL: nobody is going to want anything of it any more
 * @wanted: there is a request, or @binding has become NULL
 *
 * Guarded by the BQL.  The thread frees it.
 */
struct TDIWorker {
    TDIBinding *binding;
    QemuCond wanted;
};

/* Between two requests of a late bind the guest is busy for less than that. */
unsigned int tdi_linger_ms = 500;

/* The binding may be gone after that. */
static void tdi_work_off(TDIBinding *binding)
{
    for (;;) {
        if (!QSIMPLEQ_EMPTY(&binding->requests)) {
            tdi_work(binding);
        } else if (binding->populate_end) {
            tdi_do_spare_work(binding);
        } else {
            break;
        }
    }
    binding->held = false;
    binding->ops->unref(binding->opaque);
}

static void *tdi_worker(void *opaque)
{
    TDIWorker *worker = opaque;

    rcu_register_thread();
    bql_lock();
    /* Also if an end has left nothing to do: the device is to be let go of. */
    while (worker->binding && worker->binding->held) {
        tdi_work_off(worker->binding);
        if (worker->binding) {
            /* Which drops the BQL. */
            qemu_cond_timedwait_bql(&worker->wanted, tdi_linger_ms);
        }
    }
    if (worker->binding) {
        worker->binding->worker = NULL;
    }
    bql_unlock();
    qemu_cond_destroy(&worker->wanted);
    g_free(worker);
    rcu_unregister_thread();
    return NULL;
}

void tdi_wake(TDIBinding *binding)
{
    QemuThread thread;

    if (!binding->held) {
        binding->held = true;
        binding->ops->ref(binding->opaque);
    }
    if (binding->worker) {
        qemu_cond_signal(&binding->worker->wanted);
        return;
    }
    binding->worker = g_new0(TDIWorker, 1);
    binding->worker->binding = binding;
    qemu_cond_init(&binding->worker->wanted);
    qemu_thread_create(&thread, "tdi", tdi_worker, binding->worker,
                       QEMU_THREAD_DETACHED);
}

void tdi_binding_dismiss(TDIBinding *binding)
{
    if (binding->worker) {
        binding->worker->binding = NULL;
        qemu_cond_signal(&binding->worker->wanted);
        binding->worker = NULL;
    }
}

void tdi_submit(TDIBinding *binding, TDIRequest *request)
{
    TDIRequest *after = NULL, *other;

    request->binding = binding;
    QSIMPLEQ_FOREACH(other, &binding->requests, next) {
        if (request->reason == TDI_REASON_GUEST ||
            other->reason != TDI_REASON_GUEST) {
            after = other;
        }
    }
    if (after) {
        QSIMPLEQ_INSERT_AFTER(&binding->requests, after, request, next);
    } else {
        QSIMPLEQ_INSERT_HEAD(&binding->requests, request, next);
    }
    tdi_wake(binding);
}

void tdi_binding_cancel(TDIBinding *binding)
{
    TDIRequest *request;

    QSIMPLEQ_FOREACH(request, &binding->requests, next) {
        request->cancelled = true;
    }
}

void tdi_binding_abandon(TDIBinding *binding)
{
    tdi_binding_cancel(binding);
    if (binding->current) {
        qatomic_set(&binding->current->cancelled, true);
    }
    binding->populate_end = 0;
}

bool tdi_binding_busy(const TDIBinding *binding)
{
    return binding->current || !QSIMPLEQ_EMPTY(&binding->requests);
}

unsigned int tdi_binding_pending(const TDIBinding *binding)
{
    TDIRequest *request;
    unsigned int nr = binding->current &&
                      binding->current->reason == TDI_REASON_GUEST;

    QSIMPLEQ_FOREACH(request, &binding->requests, next) {
        nr += request->reason == TDI_REASON_GUEST;
    }
    return nr;
}
