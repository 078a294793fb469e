/*
 * The binding of one assigned device as a TDI
 *
 * Who asks for something has a vCPU's thread or the monitor's, and holds the
 * BQL.  The TSM may take seconds, so the BQL is dropped around its calls; what
 * can happen in the meantime is one of two:
 *
 *  - Another request for the same TDI, a conversion of its MMIO, a config write
 *    that would hurt it: refused, as the binding is busy, and frozen.  But if
 *    the first one only asks for something, it must not make others fail:
 *    another request waits until it has the answer, and conversions go on.
 *  - Reset, unplug, end of QEMU, loss of the MMIO: cannot be refused.  They
 *    keep the BQL, wait for the TSM by means of the lock of the binding, undo
 *    what the request has done, and leave a mark for it, the epoch.  Since the
 *    request took the lock before it dropped the BQL, they always come after
 *    the TSM has finished with it.
 *
 * Order: MMIO turns private after LOCK, and shared after the TSM has unbound
 * the TDI.  If it cannot unbind it, MMIO stays private.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "binding-int.h"
#include "trace.h"

struct TDIBindingList tdi_bindings = QLIST_HEAD_INITIALIZER(tdi_bindings);

void tdi_binding_init(TDIBinding *binding, const char *name,
                      const TDIBindingOps *ops, void *opaque,
                      const TSMOps *tsm, TSMContext *ctx)
{
    TDICall call = {};

    binding->name = name;
    binding->ops = ops;
    binding->opaque = opaque;
    binding->tsm = tsm;
    binding->ctx = ctx;
    binding->state = TDI_STATE_CONFIG_UNLOCKED;
    tdi_call_look(binding, &call);
    tdi_binding_take_look(binding, &call);
    qemu_mutex_init(&binding->lock);
    qemu_cond_init(&binding->answered);
}

static void tdi_binding_forget_report(TDIBinding *binding)
{
    g_clear_pointer(&binding->parts, g_array_unref);
    g_clear_pointer(&binding->digest, g_free);
}

void tdi_binding_destroy(TDIBinding *binding)
{
    assert(!binding->bound && !binding->busy && !binding->asking);
    tdi_binding_forget_report(binding);
    g_clear_pointer(&binding->last_error, qapi_free_TDIError);
    g_clear_pointer(&binding->tsm_name, g_free);
    qemu_cond_destroy(&binding->answered);
    qemu_mutex_destroy(&binding->lock);
}

/* The only place where the state changes. */
static void tdi_binding_set(TDIBinding *binding, TDIState state,
                            TDIReason reason)
{
    TDIState old = binding->state;

    if (old == state) {
        return;
    }
    trace_vfio_private_tdi_state(binding->name, TDIState_str(old),
                                 TDIState_str(state), TDIReason_str(reason));
    binding->state = state;
    if (state == TDI_STATE_CONFIG_UNLOCKED) {
        tdi_binding_forget_report(binding);
    }
    binding->ops->changed(binding->opaque, old, state, reason);
}

/* An event that has become a fact: the table must not refuse it. */
void tdi_binding_event(TDIBinding *binding, TDIEvent event, TDIReason reason)
{
    TDIState next;
    bool allowed = tdi_next(binding->state, event, reason, &next);

    assert(allowed);
    tdi_binding_set(binding, next, reason);
}

static bool tdi_binding_allows(TDIBinding *binding, TDIEvent event,
                               TDIReason reason)
{
    TDIState next;

    return tdi_next(binding->state, event, reason, &next);
}

/*
 * Operations
 */

static void tdi_binding_take_report(TDIBinding *binding,
                                    const GByteArray *report)
{
    uint64_t sizes[TDI_REPORT_NR_BARS] = {};
    const char *reason = "it could not be read";

    tdi_binding_forget_report(binding);
    if (report) {
        binding->ops->bar_sizes(binding->opaque, sizes);
        binding->parts = tdi_report_parse(report->data, report->len, sizes,
                                          &reason);
        binding->digest = g_compute_checksum_for_data(
            G_CHECKSUM_SHA256, report->data, report->len);
    }
    if (binding->parts) {
        trace_vfio_private_tdi_report(binding->name, report->len,
                                      binding->parts->len);
    } else {
        trace_vfio_private_tdi_bad_report(binding->name, reason);
        warn_report_once("vfio %s: the interface report is of no use: %s; no "
                         "MMIO can be private", binding->name, reason);
    }
}

int tdi_binding_may_bind(TDIBinding *binding, TDIReason reason)
{
    if (binding->busy) {
        return -EBUSY;
    }
    if (!tdi_binding_allows(binding, TDI_EVENT_BIND, reason)) {
        return -EPERM;
    }
    return binding->ops->make_ready(binding->opaque) ? 0 : -EAGAIN;
}

int tdi_binding_bind(TDIBinding *binding, TDIReason reason)
{
    g_autoptr(GByteArray) report = NULL;
    TDICall call = {};
    int ret = tdi_binding_wait(binding, true);

    ret = ret ?: tdi_binding_may_bind(binding, reason);
    if (ret) {
        return ret;
    }

    call.rid = binding->ops->rid(binding->opaque);
    /* Whoever unbinds by force meanwhile has to know. */
    binding->bound = true;
    binding->rid = call.rid;
    ret = tdi_binding_call(binding, TDI_OPERATION_BIND, &call);
    report = call.report;
    trace_vfio_private_tdi_bind(binding->name, call.rid, ret);

    if (call.cancelled) {
        return ret;
    }
    if (call.stuck) {
        tdi_binding_event(binding, TDI_EVENT_LOST, reason);
        return ret;
    }
    if (ret) {
        binding->bound = false;
        return ret;
    }
    binding->by_guest = reason == TDI_REASON_GUEST;
    binding->unshared = false;
    binding->binds++;
    tdi_binding_event(binding, TDI_EVENT_BIND, reason);
    tdi_binding_take_report(binding, report);
    return 0;
}

/* Is there a TDI, and is it still the one that was bound? */
static int tdi_binding_check(TDIBinding *binding)
{
    if (!binding->bound) {
        return -EPERM;
    }
    /* A change of the requester ID is an error to TDISP, too. */
    if (binding->ops->rid(binding->opaque) != binding->rid &&
        binding->state != TDI_STATE_ERROR) {
        qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: buses were renumbered, the "
                      "TDI can only be unbound\n", binding->name);
        tdi_binding_event(binding, TDI_EVENT_ERROR, TDI_REASON_DEVICE_ERROR);
    }
    return 0;
}

/* Of a TDI that is bound; after tdi_binding_wait(). */
static int tdi_binding_look(TDIBinding *binding, TDIReason reason,
                            uint64_t *code)
{
    TDICall call = {};
    TDIState next;
    int ret = tdi_binding_call(binding, TDI_OPERATION_GET_STATE, &call);

    *code = call.code;
    if (ret == -ENXIO) {
        /* The host has disconnected it; nobody holds it in its state now. */
        tdi_binding_event(binding, TDI_EVENT_ERROR, TDI_REASON_DEVICE_ERROR);
        return 0;
    }
    if (ret) {
        return ret;
    }
    next = tdi_observe(binding->state, call.state);
    tdi_binding_set(binding, next, next == TDI_STATE_ERROR ?
                    TDI_REASON_DEVICE_ERROR : reason);
    return 0;
}

int tdi_binding_query(TDIBinding *binding, TDIReason reason, uint64_t *code)
{
    int ret = tdi_binding_wait(binding, false);

    *code = 0;
    if (ret || !binding->bound) {
        return ret;
    }
    return tdi_binding_check(binding) ?:
           tdi_binding_look(binding, reason, code);
}

static bool tdi_binding_all_private(TDIBinding *binding)
{
    unsigned int i;

    for (i = 0; binding->parts && i < binding->parts->len; i++) {
        TDIReportPart *part = &g_array_index(binding->parts, TDIReportPart, i);

        if (part->tee && !binding->ops->part_private(binding->opaque, part)) {
            return false;
        }
    }
    return binding->parts;
}

int tdi_binding_start(TDIBinding *binding, TDIReason reason, uint64_t *code)
{
    TDICall call = {};
    uint64_t look_code;
    int ret;

    *code = 0;
    ret = tdi_binding_wait(binding, true) ?: tdi_binding_check(binding);
    if (ret) {
        return ret;
    }
    if (!tdi_binding_allows(binding, TDI_EVENT_START, reason) ||
        !tdi_binding_all_private(binding)) {
        return -EPERM;
    }

    ret = tdi_binding_call(binding, TDI_OPERATION_START, &call);
    *code = call.code;
    trace_vfio_private_tdi_start(binding->name, call.code, ret);
    if (!ret) {
        tdi_binding_event(binding, TDI_EVENT_START, reason);
    } else if (!call.cancelled) {
        /* It may run, or not.  Unless it says ERROR, that is not resolved. */
        tdi_binding_event(binding, TDI_EVENT_LOST, reason);
        tdi_binding_look(binding, reason, &look_code);
    }
    return ret;
}

/* Turn everything shared that is left of a TDI that the TSM has unbound. */
int tdi_binding_release(TDIBinding *binding, TDIEvent event, TDIReason reason)
{
    int ret = binding->ops->share_all(binding->opaque);

    if (ret && !binding->unshared) {
        error_report("vfio %s: MMIO stays private: %s", binding->name,
                     strerror(-ret));
    }
    binding->unshared = ret != 0;
    tdi_binding_event(binding, event, reason);
    if (binding->hidden) {
        binding->hidden = false;
        binding->ops->hide(binding->opaque, false);
        binding->ops->remap(binding->opaque);
    }
    return ret;
}

int tdi_binding_unbind(TDIBinding *binding, TDIReason reason)
{
    TDICall call = {};
    int ret = tdi_binding_wait(binding, true);

    if (ret) {
        return ret;
    }
    if (binding->bound) {
        ret = tdi_binding_call(binding, TDI_OPERATION_UNBIND, &call);
        trace_vfio_private_tdi_unbind(binding->name,
                                      tdi_event_name(TDI_EVENT_UNBIND), ret);
    } else if (binding->hidden ? reason == TDI_REASON_MONITOR :
                                 !binding->unshared) {
        return 0;
    }
    if (call.cancelled) {
        return ret;
    }
    if (ret) {
        tdi_binding_event(binding, TDI_EVENT_LOST, reason);
        return ret;
    }
    if (binding->bound && reason == TDI_REASON_MONITOR && binding->by_guest) {
        /* The guest may still believe in it, and write what is private. */
        binding->bound = false;
        binding->hidden = true;
        binding->ops->hide(binding->opaque, true);
        binding->ops->remap(binding->opaque);
        tdi_binding_event(binding, TDI_EVENT_UNBIND, reason);
        return 0;
    }
    binding->bound = false;
    return tdi_binding_release(binding, TDI_EVENT_UNBIND, reason);
}

int tdi_binding_report(TDIBinding *binding, GByteArray **report,
                       uint64_t *code)
{
    TDICall call = {};
    uint64_t look_code;
    int ret;

    *code = 0;
    ret = tdi_binding_wait(binding, false) ?: tdi_binding_check(binding);
    if (!ret && binding->state != TDI_STATE_CONFIG_LOCKED &&
        binding->state != TDI_STATE_RUN) {
        ret = -EPERM;
    }
    if (ret) {
        return ret;
    }

    ret = tdi_binding_call(binding, TDI_OPERATION_READ_REPORT, &call);
    *code = call.code;
    if (ret) {
        g_clear_pointer(&call.report, g_byte_array_unref);
        /* Who waits to change the state finds out. */
        if (!call.cancelled && !binding->busy) {
            tdi_binding_look(binding, TDI_REASON_GUEST, &look_code);
        }
        return ret;
    }
    binding->by_guest = true;
    /* What the guest judges is what conversions are checked against. */
    if (binding->state == TDI_STATE_CONFIG_LOCKED) {
        tdi_binding_take_report(binding, call.report);
    }
    *report = call.report;
    return 0;
}

/*
 * Questions
 */

int tdi_binding_may_convert(TDIBinding *binding, unsigned int bar,
                            uint64_t offset, uint64_t size, bool to_private)
{
    if (binding->busy) {
        return -EBUSY;
    }
    switch (binding->state) {
    case TDI_STATE_CONFIG_UNLOCKED:
        return to_private && binding->connected ? -EPERM : 0;
    case TDI_STATE_CONFIG_LOCKED:
        if (!to_private || !tdi_report_allows(binding->parts, bar, offset,
                                              size)) {
            return -EPERM;
        }
        binding->by_guest = true;
        return 0;
    default:
        return -EPERM;
    }
}

bool tdi_binding_frozen(const TDIBinding *binding)
{
    return binding->bound;
}
