/*
 * The binding of one assigned device as a TDI
 *
 * What each request does, once it is its turn (queue.c), and what ends a
 * binding whatever anybody wants.  An end may come whenever a request has
 * dropped the BQL, that is in tdi_call(), which says so.
 *
 * Order: "Order of a TDI's life" in docs/devel/vfio-private.rst.  What is
 * private and not known to be under the guest's control is hidden: tdi.c has
 * which states these are.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/qapi-events-tdi.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "system/private-ram.h"
#include "binding.h"
#include "trace.h"

/* Between two steps; long enough for a thread to be woken up */
#define TDI_POPULATE_PAUSE_US 50

struct TDIBindingList tdi_bindings = QLIST_HEAD_INITIALIZER(tdi_bindings);

void tdi_binding_init(TDIBinding *binding, const char *name,
                      const TDIBindingOps *ops, void *opaque,
                      const TSMOps *tsm, TSMContext *ctx)
{
    binding->name = name;
    binding->ops = ops;
    binding->opaque = opaque;
    binding->tsm = tsm;
    binding->ctx = ctx;
    binding->state = TDI_STATE_CONFIG_UNLOCKED;
    QSIMPLEQ_INIT(&binding->requests);
    qemu_mutex_init(&binding->lock);
    tdi_call_look(binding);
}

static void tdi_forget_report(TDIBinding *binding)
{
    g_clear_pointer(&binding->parts, g_array_unref);
    g_clear_pointer(&binding->digest, g_free);
}

static void tdi_want_dma(TDIBinding *binding, bool want)
{
    if (binding->dma != want) {
        binding->dma = want;
        private_ram_keep_populated(want);
    }
    binding->populate_next = 0;
    binding->populate_end = want ? UINT64_MAX : 0;
}

void tdi_binding_destroy(TDIBinding *binding)
{
    assert(!tdi_binding_busy(binding));
    tdi_binding_dismiss(binding);
    /* What could not be unbound may still have it. */
    tdi_want_dma(binding, false);
    tdi_forget_report(binding);
    g_clear_pointer(&binding->last_error, qapi_free_TDIError);
    g_clear_pointer(&binding->tsm_name, g_free);
    g_clear_pointer(&binding->path, g_free);
    qemu_mutex_destroy(&binding->lock);
}

/*
 * The state
 */

/*
 * The only place where it changes: by an event that has become a fact, which
 * the table must not refuse.
 */
static void tdi_event(TDIBinding *binding, TDIEvent event, TDIReason reason)
{
    TDIState old = binding->state;
    int state = tdi_next(old, event, reason);

    assert(state != TDI_REFUSED);
    if (old == state) {
        return;
    }
    trace_vfio_private_tdi_state(binding->name, TDIState_str(old),
                                 TDIState_str(state), TDIReason_str(reason));
    binding->state = state;
    binding->asked = false;
    binding->missed = false;
    if (!tdi_state_bound(state)) {
        /* Whoever has unbound it, the kernel has taken that away before. */
        tdi_want_dma(binding, false);
        tdi_forget_report(binding);
    }
    if (tdi_state_hidden(old) != tdi_state_hidden(state)) {
        binding->ops->hide(binding->opaque, tdi_state_hidden(state));
    }
    qapi_event_send_tdi_state_changed(binding->id, binding->path, old, state,
                                      reason);
}

/* The same where the MMIO can be mapped anew, if it is to come or to go. */
static void tdi_event_remap(TDIBinding *binding, TDIEvent event,
                            TDIReason reason)
{
    bool hidden = tdi_state_hidden(binding->state);

    tdi_event(binding, event, reason);
    if (hidden != tdi_state_hidden(binding->state)) {
        binding->ops->remap(binding->opaque);
    }
}

/* The TSM has unbound it, and the guest knows: turn everything shared. */
static int tdi_release(TDIBinding *binding, TDIReason reason)
{
    int ret = binding->ops->share_all(binding->opaque);

    binding->by_guest = false;
    if (ret && binding->state != TDI_STATE_HIDDEN) {
        error_report("vfio %s: MMIO stays private: %s", binding->name,
                     strerror(-ret));
    }
    tdi_event_remap(binding, ret ? TDI_EVENT_HIDE : TDI_EVENT_UNBIND, reason);
    return ret;
}

/*
 * What requests do
 */

static void tdi_take_report(TDIBinding *binding, const GByteArray *report)
{
    const char *reason = "it could not be read";

    tdi_forget_report(binding);
    if (report) {
        binding->parts = tdi_report_parse(report->data, report->len,
                                          binding->bar_sizes, &reason);
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
    if (tdi_next(binding->state, TDI_EVENT_BIND, reason) == TDI_REFUSED) {
        return -EPERM;
    }
    return binding->ops->make_ready(binding->opaque) ? 0 : -EAGAIN;
}

static int tdi_do_bind(TDIBinding *binding, TDIRequest *request)
{
    g_autoptr(GByteArray) report = NULL;
    TDICall call = {};
    int ret = tdi_binding_may_bind(binding, request->reason);

    if (ret) {
        return ret;
    }
    binding->rid = binding->ops->rid(binding->opaque);
    ret = tdi_call(binding, TDI_OPERATION_BIND, &call);
    report = call.report;
    if (ret == -ENOTRECOVERABLE) {
        tdi_event_remap(binding, TDI_EVENT_LOST, request->reason);
    }
    if (ret) {
        return ret;
    }
    binding->by_guest = request->reason == TDI_REASON_GUEST;
    binding->binds++;
    tdi_event(binding, TDI_EVENT_BIND, request->reason);
    tdi_take_report(binding, report);
    return 0;
}

/*
 * Is it still the TDI that was bound?  A change of the requester ID is an error
 * to TDISP, too.
 */
static void tdi_check_rid(TDIBinding *binding)
{
    if (tdi_state_bound(binding->state) && binding->state != TDI_STATE_ERROR &&
        binding->ops->rid(binding->opaque) != binding->rid) {
        qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: buses were renumbered, the "
                      "TDI can only be unbound\n", binding->name);
        tdi_event(binding, TDI_EVENT_ERROR, TDI_REASON_DEVICE_ERROR);
    }
}

static int tdi_unbind(TDIBinding *binding, TDIReason reason, bool hides)
{
    TDICall call = {};
    int ret = tdi_call(binding, TDI_OPERATION_UNBIND, &call);

    if (ret != -ECANCELED && (ret || hides)) {
        tdi_event_remap(binding, ret ? TDI_EVENT_LOST : TDI_EVENT_HIDE, reason);
    }
    return ret;
}

/* Has the host unbound it, and the kernel not been told that QEMU knows? */
static bool tdi_ended(TDIBinding *binding)
{
    return binding->state != TDI_STATE_CONFIG_UNLOCKED &&
           binding->tsm->ended(binding->ctx);
}

/*
 * The host has unbound it, or is about to.  The MMIO goes first if the device
 * is known to have been stopped.  What is left is to tell the kernel that QEMU
 * knows, without which it could not be bound again.
 */
static void tdi_gone(TDIBinding *binding)
{
    if (tdi_ended(binding)) {
        tdi_event_remap(binding, TDI_EVENT_HIDE, TDI_REASON_HOST);
    }
    tdi_unbind(binding, TDI_REASON_HOST, true);
}

/* Of a TDI that is bound.  @state: see tdi_observe() */
static int tdi_look(TDIBinding *binding, TDIState state, uint64_t *code)
{
    TDICall call = {};
    int ret = tdi_call(binding, TDI_OPERATION_GET_STATE, &call);

    *code = call.code;
    if (ret == -ENXIO) {
        tdi_gone(binding);
        return 0;
    }
    if (!ret && tdi_observe(state, call.state) == TDI_STATE_ERROR) {
        tdi_event(binding, TDI_EVENT_ERROR, TDI_REASON_DEVICE_ERROR);
    }
    return ret;
}

/*
 * It reaches all private memory or none, and to be without the guest must know.
 */
static int tdi_lacks_memory(TDIBinding *binding)
{
    if (binding->state != TDI_STATE_RUN || !binding->dma) {
        return 0;
    }
    /* That takes it away as well. */
    if (tdi_ended(binding)) {
        tdi_gone(binding);
        return 0;
    }
    return tdi_unbind(binding, TDI_REASON_MEMORY, true);
}

static int tdi_do_get_state(TDIBinding *binding, TDIRequest *request)
{
    uint64_t bytes;
    int ret;

    if (request->reason == TDI_REASON_HOST) {
        /* It may have been unbound, or even bound anew, since that was told. */
        if (tdi_ended(binding)) {
            tdi_gone(binding);
        }
        return 0;
    }
    if (request->reason == TDI_REASON_MEMORY) {
        return tdi_lacks_memory(binding);
    }
    if (!tdi_state_bound(binding->state)) {
        return 0;
    }
    tdi_check_rid(binding);
    ret = tdi_look(binding, binding->state, &request->code);
    /*
     * If the kernel cannot map a page of private memory, it takes all of it out
     * of the reach of the device, which works on with DMA that fails, whatever
     * it says.  The event about that may have been lost for the same want of
     * memory.
     */
    if (!request->cancelled &&
        binding->tsm->dma_bytes(binding->ctx, &bytes) && !bytes) {
        ret = tdi_lacks_memory(binding) ?: ret;
    }
    return ret;
}

static bool tdi_all_private(TDIBinding *binding)
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

static int tdi_do_start(TDIBinding *binding, TDIRequest *request)
{
    TDICall call = {};
    int ret;

    tdi_check_rid(binding);
    if (tdi_next(binding->state, TDI_EVENT_START, request->reason) ==
            TDI_REFUSED ||
        !tdi_all_private(binding)) {
        return -EPERM;
    }
    ret = tdi_call(binding, TDI_OPERATION_START, &call);
    request->code = call.code;
    if (request->cancelled) {
        return ret;
    }
    if (!ret) {
        tdi_event(binding, TDI_EVENT_START, request->reason);
        return 0;
    }
    /* It may run, or not.  Unless it says ERROR, that is not resolved. */
    if (tdi_look(binding, TDI_STATE_UNKNOWN, &call.code) != -ECANCELED &&
        binding->state == TDI_STATE_CONFIG_LOCKED) {
        tdi_event_remap(binding, TDI_EVENT_LOST, request->reason);
    }
    return ret;
}

static int tdi_do_unbind(TDIBinding *binding, TDIRequest *request)
{
    bool bound = tdi_state_bound(binding->state) || tdi_ended(binding);
    /* The guest may still believe in it, and write what is private. */
    bool hides = request->reason == TDI_REASON_MONITOR && binding->by_guest;
    int ret = 0;

    if (bound) {
        ret = tdi_unbind(binding, request->reason, hides);
    }
    if (ret || hides) {
        return ret;
    }
    if (!bound && binding->state != TDI_STATE_HIDDEN) {
        return 0;
    }
    return tdi_release(binding, request->reason);
}

static int tdi_do_read_report(TDIBinding *binding, TDIRequest *request)
{
    TDICall call = {};
    int ret;

    tdi_check_rid(binding);
    if (binding->state != TDI_STATE_CONFIG_LOCKED &&
        binding->state != TDI_STATE_RUN) {
        return -EPERM;
    }
    ret = tdi_call(binding, TDI_OPERATION_READ_REPORT, &call);
    request->code = call.code;
    if (ret) {
        g_clear_pointer(&call.report, g_byte_array_unref);
        if (!request->cancelled) {
            tdi_look(binding, binding->state, &call.code);
        }
        return ret;
    }
    binding->by_guest = true;
    /* What the guest judges is what conversions are checked against. */
    if (binding->state == TDI_STATE_CONFIG_LOCKED) {
        tdi_take_report(binding, call.report);
    }
    request->report = call.report;
    return 0;
}

static int tdi_do_check(TDIBinding *binding, TDIRequest *request)
{
    TDICall call = {};

    return tdi_call(binding, TDI_OPERATION_CHECK, &call);
}

/* Does the monitor want it unbound, which comes before what the guest wants? */
static bool tdi_unbind_waits(TDIBinding *binding)
{
    TDIRequest *request;

    QSIMPLEQ_FOREACH(request, &binding->requests, next) {
        if (request->operation == TDI_OPERATION_UNBIND &&
            request->reason == TDI_REASON_MONITOR) {
            return true;
        }
    }
    return false;
}

/*
 * In steps, between which whoever waits for the BQL has it: the lock is not
 * fair, so that takes more than to let go of it.  Returns 1 if there is more
 * to do.
 */
static int tdi_populate_step(TDIBinding *binding)
{
    int ret = 0;

    if (binding->populate_next < binding->populate_end) {
        ret = binding->ops->populate(binding->opaque, &binding->populate_next);
    }
    if (ret <= 0) {
        binding->populate_end = 0;
        return ret;
    }
    bql_unlock();
    g_usleep(TDI_POPULATE_PAUSE_US);
    bql_lock();
    return 1;
}

/*
 * It may take long for a large guest, and nobody waits until all of it is done
 * who wants an end of the TDI.
 */
static int tdi_populate(TDIBinding *binding, TDIRequest *request)
{
    int ret;

    while ((ret = tdi_populate_step(binding)) > 0) {
        if (request->cancelled || tdi_reset_waits ||
            tdi_unbind_waits(binding)) {
            return -ECANCELED;
        }
    }
    return ret;
}

static int tdi_do_enable_dma(TDIBinding *binding, TDIRequest *request)
{
    TDICall call = {};
    int ret;

    tdi_check_rid(binding);
    if (binding->state != TDI_STATE_RUN) {
        return -EPERM;
    }
    if (!binding->has_dma) {
        return -EOPNOTSUPP;
    }
    if (binding->dma) {
        return 0;
    }
    tdi_want_dma(binding, true);
    ret = tdi_populate(binding, request);
    if (!ret) {
        ret = tdi_call(binding, TDI_OPERATION_ENABLE_DMA, &call);
    }
    if (ret) {
        tdi_want_dma(binding, false);
    }
    return ret;
}

static int tdi_do_disable_dma(TDIBinding *binding, TDIRequest *request)
{
    TDICall call = {};
    int ret = 0;

    if (binding->dma || binding->state == TDI_STATE_UNKNOWN) {
        ret = tdi_call(binding, TDI_OPERATION_DISABLE_DMA, &call);
    }
    if (!ret) {
        tdi_want_dma(binding, false);
    }
    return ret;
}

static int (*const tdi_requests[])(TDIBinding *binding,
                                   TDIRequest *request) = {
    [TDI_OPERATION_BIND] = tdi_do_bind,
    [TDI_OPERATION_UNBIND] = tdi_do_unbind,
    [TDI_OPERATION_START] = tdi_do_start,
    [TDI_OPERATION_GET_STATE] = tdi_do_get_state,
    [TDI_OPERATION_READ_REPORT] = tdi_do_read_report,
    [TDI_OPERATION_CHECK] = tdi_do_check,
    [TDI_OPERATION_ENABLE_DMA] = tdi_do_enable_dma,
    [TDI_OPERATION_DISABLE_DMA] = tdi_do_disable_dma,
};

int tdi_do(TDIBinding *binding, TDIRequest *request)
{
    return tdi_requests[request->operation](binding, request);
}

/* An end needs not wait for it: the next step is after the end. */
void tdi_do_spare_work(TDIBinding *binding)
{
    int ret = tdi_populate_step(binding);

    if (ret < 0) {
        error_report("vfio %s: private memory that has appeared cannot be "
                     "populated: %s; the TDI is unbound", binding->name,
                     strerror(-ret));
        tdi_binding_told(binding, TDI_REASON_MEMORY);
    }
}

void tdi_binding_appeared(TDIBinding *binding, uint64_t start, uint64_t size)
{
    if (!binding->dma) {
        return;
    }
    if (!binding->populate_end) {
        binding->populate_next = start;
    }
    binding->populate_next = MIN(binding->populate_next, start);
    binding->populate_end = MAX(binding->populate_end, start + size);
    tdi_wake(binding);
}

/*
 * What the kernel tells
 */

static void tdi_told_done(TDIRequest *request)
{
    g_free(request);
}

void tdi_binding_told(TDIBinding *binding, TDIReason reason)
{
    TDIRequest *request, *current = binding->current;

    /*
     * What is being done meanwhile may take as long as the device likes, and
     * comes to nothing: nobody waits for that to see that the TDI is no more.
     * An unbind goes on from there.
     */
    if (reason == TDI_REASON_HOST && tdi_state_bound(binding->state) &&
        tdi_ended(binding)) {
        if (current && current->operation != TDI_OPERATION_UNBIND) {
            qatomic_set(&current->cancelled, true);
        }
        tdi_event_remap(binding, TDI_EVENT_HIDE, TDI_REASON_HOST);
    }
    /* However much it tells, one look for each reason is enough. */
    QSIMPLEQ_FOREACH(request, &binding->requests, next) {
        if (request->reason == reason) {
            return;
        }
    }
    request = g_new0(TDIRequest, 1);
    request->operation = TDI_OPERATION_GET_STATE;
    request->reason = reason;
    request->done = tdi_told_done;
    tdi_submit(binding, request);
}

void tdi_binding_missed(TDIBinding *binding, int cpu_index, uint64_t gpa)
{
    if (binding->missed || tdi_binding_busy(binding)) {
        return;
    }
    if (tdi_state_bound(binding->state) && !binding->asked) {
        binding->asked = true;
        tdi_binding_told(binding, TDI_REASON_DEVICE_ERROR);
        return;
    }
    binding->missed = true;
    trace_vfio_private_tdi_missed(binding->name, cpu_index, gpa,
                                  TDIState_str(binding->state));
    warn_report_once("vfio %s: vCPU %d waits at 0x%" PRIx64 " for private "
                     "memory that the guest does not have; unlock the device "
                     "there, or reset the VM", binding->name, cpu_index, gpa);
    qapi_event_send_tdi_vcpu_waits(binding->id, binding->path, cpu_index, gpa);
}

/*
 * Ends that cannot be refused
 */

static bool tdi_force_unbind(TDIBinding *binding, TDIReason reason)
{
    int ret;

    tdi_binding_abandon(binding);
    ret = tdi_call_unbind_now(binding);
    if (ret) {
        /* The guest may make it repeat, without end. */
        error_report_once_cond(&binding->warned, "vfio %s: cannot unbind the "
                               "TDI: %s; it is out of use", binding->name,
                               strerror(-ret));
        tdi_event(binding, TDI_EVENT_LOST, reason);
        return false;
    }
    return true;
}

bool tdi_binding_force(TDIBinding *binding, TDIReason reason)
{
    tdi_binding_cancel(binding);
    if (reason == TDI_REASON_EXIT && binding->current) {
        return true;
    }
    /* What the host has unbound the kernel may not have let go of yet. */
    if ((tdi_binding_frozen(binding) || tdi_ended(binding) ||
         (binding->state == TDI_STATE_HIDDEN && binding->current)) &&
        !tdi_force_unbind(binding, reason)) {
        return false;
    }
    if (binding->state == TDI_STATE_CONFIG_UNLOCKED) {
        /* A bind that was in progress has not got any further. */
        return true;
    }
    if (reason == TDI_REASON_EXIT) {
        tdi_event(binding, TDI_EVENT_UNBIND, reason);
    } else {
        tdi_release(binding, reason);
    }
    return true;
}

void tdi_binding_revoked(TDIBinding *binding, TDIReason reason)
{
    /* What is hidden and still bound is out of reach; this was tried before. */
    if (!tdi_binding_frozen(binding) || tdi_state_hidden(binding->state)) {
        return;
    }
    qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: a bound TDI is reset or loses its "
                  "MMIO, it is stopped\n", binding->name);
    if (tdi_force_unbind(binding, reason) &&
        binding->state != TDI_STATE_CONFIG_UNLOCKED) {
        tdi_event(binding, TDI_EVENT_HIDE, reason);
    }
}

/*
 * Questions
 */

/* What is being done; TDI_OPERATION__MAX: nothing, or an end has come first. */
static TDIOperation tdi_current(const TDIBinding *binding)
{
    return binding->current && !binding->current->cancelled ?
           binding->current->operation : TDI_OPERATION__MAX;
}

int tdi_binding_may_convert(TDIBinding *binding, unsigned int bar,
                            uint64_t offset, uint64_t size, bool to_private)
{
    TDIOperation current = tdi_current(binding);

    /* The state is about to change. */
    if (current == TDI_OPERATION_BIND || current == TDI_OPERATION_UNBIND ||
        current == TDI_OPERATION_START) {
        return -EAGAIN;
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
    return tdi_state_bound(binding->state) ||
           tdi_current(binding) == TDI_OPERATION_BIND;
}

bool tdi_binding_kept(const TDIBinding *binding)
{
    return tdi_binding_frozen(binding) || tdi_state_hidden(binding->state);
}
