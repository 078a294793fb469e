/*
 * The binding of one assigned device as a TDI: calls of the TSM
 *
 * The BQL is dropped around them; binding.c says what may happen meanwhile.
 * Whether it has happened is no errno, so that no errno of a TSM can be taken
 * for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/qapi-types-tdi.h"
#include "binding-int.h"
#include "trace.h"

void tdi_binding_note(TDIBinding *binding, TDIOperation operation, int ret,
                      uint64_t code)
{
    if (ret) {
        binding->errors++;
        qapi_free_TDIError(binding->last_error);
        binding->last_error = tdi_error_new(operation, ret, code);
    }
}

void tdi_call_look(const TDIBinding *binding, TDICall *call)
{
    g_clear_pointer(&call->tsm_name, g_free);
    call->connected = binding->tsm->connected(binding->ctx);
    call->tsm_name = binding->tsm->describe(binding->ctx, &call->tsm_kind);
    call->looked = true;
}

void tdi_binding_take_look(TDIBinding *binding, TDICall *call)
{
    if (call->looked) {
        binding->connected = call->connected;
        g_free(binding->tsm_name);
        binding->tsm_name = g_steal_pointer(&call->tsm_name);
        binding->tsm_kind = call->tsm_kind;
    }
}

/* The report comes along: conversions depend on it. */
static int tdi_call_bind(TDIBinding *binding, TDICall *call)
{
    int ret;

    tdi_call_look(binding, call);
    if (!call->connected) {
        return -ENXIO;
    }
    ret = binding->tsm->bind(binding->ctx, call->rid);
    if (ret) {
        /* Bound or not: never leave it at a guess. */
        call->stuck = binding->tsm->unbind(binding->ctx) != 0;
        return ret;
    }
    /* Who cannot be refused undoes it anyway, and has the BQL until then. */
    if (qatomic_read(&binding->urgent) ||
        binding->tsm->read_report(binding->ctx, &call->report, &call->code)) {
        call->report = NULL;
    }
    return 0;
}

static int tdi_call_unbind(TDIBinding *binding, TDICall *call)
{
    return binding->tsm->unbind(binding->ctx);
}

static int tdi_call_start(TDIBinding *binding, TDICall *call)
{
    return binding->tsm->start(binding->ctx, &call->code);
}

static int tdi_call_get_state(TDIBinding *binding, TDICall *call)
{
    int ret = binding->tsm->get_state(binding->ctx, &call->state, &call->code);

    if (ret == -ENXIO) {
        tdi_call_look(binding, call);
    }
    return ret;
}

static int tdi_call_read_report(TDIBinding *binding, TDICall *call)
{
    return binding->tsm->read_report(binding->ctx, &call->report, &call->code);
}

static int (*const tdi_calls[])(TDIBinding *binding, TDICall *call) = {
    [TDI_OPERATION_BIND] = tdi_call_bind,
    [TDI_OPERATION_UNBIND] = tdi_call_unbind,
    [TDI_OPERATION_START] = tdi_call_start,
    [TDI_OPERATION_GET_STATE] = tdi_call_get_state,
    [TDI_OPERATION_READ_REPORT] = tdi_call_read_report,
};

/* To callers of the binding, some errnos mean what a TSM cannot mean. */
static int tdi_call_errno(const TDICall *call, int ret)
{
    if (call->stuck) {
        return -ENOTRECOVERABLE;
    }
    switch (ret) {
    case -EBUSY:
        /* The device is not in the condition; busy is the binding. */
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

int tdi_binding_wait(TDIBinding *binding, bool change)
{
    unsigned int epoch = binding->epoch;

    if (binding->busy) {
        return -EBUSY;
    }
    binding->busy = change;
    while (binding->asking) {
        qemu_cond_wait_bql(&binding->answered);
    }
    if (change) {
        binding->busy = false;
    }
    if (binding->busy) {
        return -EBUSY;
    }
    return epoch == binding->epoch ? 0 : -ECANCELED;
}

static void tdi_call_begin(TDIBinding *binding, bool asks)
{
    /* So the lock is free, or with somebody who is not long. */
    assert(!binding->busy && !binding->asking);
    binding->asking = asks;
    binding->busy = !asks;
    qemu_mutex_lock(&binding->lock);
    bql_unlock();
}

static void tdi_call_end(TDIBinding *binding, bool asks)
{
    qemu_mutex_unlock(&binding->lock);
    bql_lock();
    /* Who waits for an answer may have made it busy. */
    binding->busy &= asks;
    binding->asking = false;
    qemu_cond_broadcast(&binding->answered);
}

int tdi_binding_call(TDIBinding *binding, TDIOperation operation,
                     TDICall *call)
{
    bool asks = operation == TDI_OPERATION_GET_STATE ||
                operation == TDI_OPERATION_READ_REPORT;
    unsigned int epoch = binding->epoch;
    int ret;

    trace_vfio_private_tdi_call(binding->name, TDIOperation_str(operation));
    tdi_call_begin(binding, asks);
    ret = tdi_calls[operation](binding, call);
    tdi_call_end(binding, asks);
    tdi_binding_take_look(binding, call);
    ret = tdi_call_errno(call, ret);
    tdi_binding_note(binding, operation, ret, call->code);
    call->cancelled = epoch != binding->epoch;
    return call->cancelled ? -ECANCELED : ret;
}

bool tdi_binding_connected(TDIBinding *binding)
{
    TDICall call = {};

    /* Who changes the state has had a look before. */
    if (!tdi_binding_wait(binding, false)) {
        tdi_call_begin(binding, true);
        tdi_call_look(binding, &call);
        tdi_call_end(binding, true);
        tdi_binding_take_look(binding, &call);
    }
    return binding->connected;
}
