/*
 * The binding of one assigned device as a TDI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_BINDING_H
#define HW_VFIO_PRIVATE_BINDING_H

#include "qemu/queue.h"
#include "qemu/thread.h"
#include "tdi.h"
#include "tsm.h"

typedef struct TDIBinding TDIBinding;
typedef struct TDIRequest TDIRequest;
typedef struct TDIWorker TDIWorker;

/**
 * struct TDIBindingOps - what a binding needs of its device
 *
 * All are called with the BQL held.
 *
 * @rid: requester ID that the device has in the guest at this moment
 * @make_ready: may it be locked: memory decode and bus mastering on, all of its
 *     BARs mapped into the guest, none of it private?  If so, what cannot be
 *     read of a bound device has been read.
 * @part_private: is all of this part of a BAR private?  A page that QEMU
 *     emulates never is.
 * @share_all: turn all of its MMIO shared.  Returns 0 or -errno.
 * @hide: keep its MMIO out of the guest's reach from when the next part of it
 *     is unmapped or mapped, or no longer
 * @remap: map its MMIO anew.  Not in a memory transaction.
 * @describe: fill in what the device knows of itself: host, slices, conversions
 * @populate: populate some of what is private; see vfio_private_dma_populate()
 * @ref, @unref: keep what contains the binding from going away
 */
typedef struct TDIBindingOps {
    uint32_t (*rid)(void *opaque);
    bool (*make_ready)(void *opaque);
    bool (*part_private)(void *opaque, const TDIReportPart *part);
    int (*share_all)(void *opaque);
    void (*hide)(void *opaque, bool hide);
    void (*remap)(void *opaque);
    void (*describe)(void *opaque, TDIInfo *info);
    int (*populate)(void *opaque, uint64_t *pos);
    void (*ref)(void *opaque);
    void (*unref)(void *opaque);
} TDIBindingOps;

/**
 * struct TDIRequest - what somebody wants of a TDI
 *
 * Guarded by the BQL, but for @cancelled.
 *
 * @operation: what; set by the owner, like the next two
 * @reason: on whose behalf: TDI_REASON_GUEST or TDI_REASON_MONITOR; or what has
 *     happened: TDI_REASON_HOST or TDI_REASON_DEVICE_ERROR
 * @done: called once it has ended, with the BQL; the request is the owner's
 *     again.  The device is there until this returns.
 *
 * How it has ended:
 *
 * @ret: 0 or -errno: -EPERM: not in this state, changes nothing; -EAGAIN: the
 *     device is not ready; -ENXIO: no TSM is connected; -ECANCELED: an end of
 *     the binding that cannot be refused came first; -ENOTRECOVERABLE: bind
 *     failed, and so did its undo; others: see &struct TSMOps
 * @code: TDISP's code of the error that the device answered with, or 0
 * @report: of TDI_OPERATION_READ_REPORT, if @ret is 0; the owner frees it
 *
 * The queue's own:
 *
 * @binding: whose
 * @cancelled: an end came first, which has undone what this one may have done.
 *     Read without the BQL by whoever works on it.
 * @next: in the queue
 */
struct TDIRequest {
    TDIOperation operation;
    TDIReason reason;
    void (*done)(TDIRequest *request);

    int ret;
    uint64_t code;
    GByteArray *report;

    TDIBinding *binding;
    bool cancelled;
    QSIMPLEQ_ENTRY(TDIRequest) next;
};

/**
 * struct TDIBinding - one device that can be bound as a TDI
 *
 * @name: of the device, for messages
 * @id, @path: what the monitor calls it: ID, NULL if it has none, and QOM path
 * @ops, @opaque: the device, a DeviceState
 * @tsm, @ctx: its TSM; NULL: it cannot be bound
 * @no_lock: why there is no @tsm, if it is not the kernel's iommufd; or NULL
 * @has_dma: its DMA can reach private memory, once that is enabled
 * @bar_sizes: bytes of each memory BAR, for tdi_report_parse()
 * @lock: held around every call of @tsm.  Lock order: BQL, then @lock; whoever
 *     holds @lock may drop the BQL but not take it.  Ends wait for it with the
 *     BQL; nobody else does.
 *
 * The rest is guarded by the BQL.
 *
 * @requests: what waits, in the order in which it is going to be done
 * @current: what is being done
 * @worker: the thread that does it; NULL: none is there
 * @held: it has a reference to the device, as there is something to do
 * @state: what is known of the TDI.  That names what may be done to it, and
 *     where its MMIO is: see tdi.h.
 * @connected: it was connected to a TSM when that was last looked at
 * @tsm_name, @tsm_kind: which one that was; NULL if none, or not known
 * @disconnects: how often the kernel has said that it no longer is
 * @by_guest: the guest has had a part in this binding, and may believe in it
 * @dma: its DMA reaches private memory, or is about to
 * @populate_next, @populate_end: with @dma: where private memory may have to be
 *     populated; an end of 0: nowhere
 * @rid: requester ID that it was bound with.  Only its thread reads and writes
 *     it, also without the BQL.
 * @parts: MMIO of the report; NULL if there is none that makes sense
 * @digest: SHA-256 of the report, in hexadecimal; NULL if there is none
 * @binds: how often it was bound
 * @errors: how often the TSM failed
 * @last_error: the latest of these failures, or NULL
 * @warned: a failure that may repeat has been reported
 * @asked: in this state, the device was asked since a vCPU missed it
 * @missed: in this state, it was told that a vCPU waits
 * @next: in the list of all bindings
 */
struct TDIBinding {
    const char *name;
    const char *id;
    char *path;
    const TDIBindingOps *ops;
    void *opaque;
    const TSMOps *tsm;
    TSMContext *ctx;
    const char *no_lock;
    bool has_dma;
    uint64_t bar_sizes[TDI_REPORT_NR_BARS];
    QemuMutex lock;

    QSIMPLEQ_HEAD(, TDIRequest) requests;
    TDIRequest *current;
    TDIWorker *worker;
    bool held;
    TDIState state;
    bool connected;
    char *tsm_name;
    TSMKind tsm_kind;
    unsigned int disconnects;
    bool by_guest;
    bool dma;
    uint64_t populate_next;
    uint64_t populate_end;
    uint32_t rid;
    GArray *parts;
    char *digest;
    uint64_t binds;
    uint64_t errors;
    TDIError *last_error;
    bool warned;
    bool asked;
    bool missed;
    QLIST_ENTRY(TDIBinding) next;
};

/* All devices that can be bound.  Guarded by the BQL; not in it: unplugged. */
extern QLIST_HEAD(TDIBindingList, TDIBinding) tdi_bindings;

/* tdi_binding_init: unbound; @binding is zeroed */
void tdi_binding_init(TDIBinding *binding, const char *name,
                      const TDIBindingOps *ops, void *opaque,
                      const TSMOps *tsm, TSMContext *ctx);

/* tdi_binding_destroy: of a binding that is not bound, without requests */
void tdi_binding_destroy(TDIBinding *binding);

/* A reset waits until nothing is done any more.  Guarded by the BQL. */
extern bool tdi_reset_waits;

/* A request has ended, of whichever TDI.  With the BQL. */
extern QemuCond tdi_ended_cond;

/*
 * Requests
 */

/**
 * tdi_submit: have something done
 * @binding: the binding
 * @request: the first three members are set, and @binding may be; the rest is
 *     zero
 *
 * Requests are done one after the other, in the order in which they came; but
 * what the guest wants comes last.  What they do:
 *
 * BIND: lock it.  The report is read on the way.
 * START: to RUN; all TEE memory of the report must be private.
 * UNBIND: stop it, then turn its MMIO shared.  Possible in every state, and a
 *     success if it is not bound.  If it fails, what is private remains so, and
 *     the state is UNKNOWN; or HIDDEN if it is the MMIO that could not be
 *     turned shared.  It can be repeated.  If it succeeds for the monitor, and
 *     the guest has had a part in the binding, the TDI is HIDDEN.
 * GET_STATE: ask the device for its state, which is @binding->state then.
 * READ_REPORT: read the report; while it is locked, conversions are checked
 *     against it from then on.
 * CHECK: is there a TSM?  That is @binding->connected then.  If it is not
 *     clear: was there?
 * ENABLE_DMA: let its DMA reach private memory, in RUN; a success if it does.
 *     All that is private is populated before, without the BQL for most of the
 *     time.  If it fails, DMA reaches shared memory only, as before.
 * DISABLE_DMA: to shared memory only; a success if that is so.  If it fails,
 *     that is not known, and UNBIND is what helps.
 *
 * Context: BQL.  Calls nothing; the end comes from a thread of its own.
 */
void tdi_submit(TDIBinding *binding, TDIRequest *request);

/**
 * tdi_binding_told: something has happened to it, as the kernel says or
 *     QEMU found
 * @reason: TDI_REASON_HOST: the host may have unbound it; if so, it is HIDDEN
 *     at once, and until the guest knows; what is being done is cancelled, but
 *     for an UNBIND.  TDI_REASON_DEVICE_ERROR: the device is asked for
 *     its state.  TDI_REASON_MEMORY: its DMA cannot reach all private memory,
 *     so it is unbound.
 *
 * What is left becomes a request in the queue, ahead of those of the guest.
 *
 * Context: BQL.
 */
void tdi_binding_told(TDIBinding *binding, TDIReason reason);

/* tdi_binding_disconnected: the kernel says that it is no longer connected */
void tdi_binding_disconnected(TDIBinding *binding);

/* tdi_binding_busy: is anything wanted of it at the moment? */
bool tdi_binding_busy(const TDIBinding *binding);

/**
 * tdi_binding_appeared: there is more guest memory, of which some may
 *     be private
 * @binding: the binding
 * @start, @size: where in the guest
 *
 * If its DMA reaches private memory, that is populated, once nothing else is
 * to be done for it; meanwhile, DMA to it may fail.  If that is not possible,
 * the TDI is unbound, and HIDDEN until the guest knows.
 *
 * Context: BQL.  Calls nothing.
 */
void tdi_binding_appeared(TDIBinding *binding, uint64_t start, uint64_t size);

/* tdi_binding_pending: how many requests of the guest have not ended? */
unsigned int tdi_binding_pending(const TDIBinding *binding);

/* tdi_binding_may_bind: would it be refused at once?  Returns 0 or -errno. */
int tdi_binding_may_bind(TDIBinding *binding, TDIReason reason);

/*
 * Ends that cannot be refused.  They cancel all requests.
 */

/* tdi_binding_cancel: nothing that waits is done any more */
void tdi_binding_cancel(TDIBinding *binding);

/* tdi_binding_abandon: the same, and what is being done has no effects */
void tdi_binding_abandon(TDIBinding *binding);

/**
 * tdi_binding_force: unbind it, whatever the guest thinks
 * @binding: the binding; nothing happens to the state if it is not bound
 * @reason: TDI_REASON_RESET, TDI_REASON_UNPLUG or TDI_REASON_EXIT
 *
 * Turns the MMIO shared afterwards, but for EXIT.  If it fails, what is private
 * remains so, and is hidden when the MMIO is mapped next.  An EXIT leaves a TDI
 * that the TSM is working on to the kernel, which unbinds it as QEMU's files
 * are closed.
 *
 * Context: BQL, which is kept; waits for the TSM, but for EXIT.
 * Returns: false if it is still bound; this has been reported.
 */
bool tdi_binding_force(TDIBinding *binding, TDIReason reason);

/**
 * tdi_binding_revoked: it is about to be reset, or its MMIO to be unmapped
 * @binding: the binding; nothing happens if it is not bound
 * @reason: on whose behalf
 *
 * The guest can do this to itself, e.g. by the port above the device.  The TDI
 * is unbound first, and HIDDEN until the guest knows.  If that fails, it is
 * UNKNOWN and remains private, as far as it was.
 *
 * Context: BQL, which is kept; waits for the TSM.  In a memory transaction.
 */
void tdi_binding_revoked(TDIBinding *binding, TDIReason reason);

/*
 * Questions.  Context: BQL.
 */

/**
 * tdi_binding_may_convert: may the guest convert this range of a BAR?
 * @bar: BAR number
 * @offset: bytes inside the BAR
 * @size: bytes, not 0
 * @to_private: wanted state, which a part of the range does not have
 *
 * A device that is not @connected is not a TDI, and may be converted at will.
 * All others: to private in CONFIG_LOCKED, what the report calls TEE memory; to
 * shared when unbound.
 *
 * Returns: 0; -EAGAIN: the state is about to change; -EPERM
 */
int tdi_binding_may_convert(TDIBinding *binding, unsigned int bar,
                            uint64_t offset, uint64_t size, bool to_private);

/* tdi_binding_frozen: must the device keep its configuration? */
bool tdi_binding_frozen(const TDIBinding *binding);

/* tdi_binding_kept: must it be private wherever it is mapped? */
bool tdi_binding_kept(const TDIBinding *binding);

/**
 * tdi_binding_missed: a vCPU cannot have its MMIO as it wants to, and waits
 * @binding: the binding
 * @cpu_index, @gpa: which vCPU, and where
 *
 * If it counts as bound, the device is asked first: the host may have unbound
 * it without a word.  Told once for each state.
 */
void tdi_binding_missed(TDIBinding *binding, int cpu_index, uint64_t gpa);

/*
 * tdi_ends_register: from now on, resets and the end of QEMU unbind all TDIs,
 * and a VM that runs again gets the replies that were held back
 */
void tdi_ends_register(void);

/*
 * Between binding.c and queue.c
 */

/**
 * struct TDICall - what goes to a TSM and comes back
 *
 * @state, @report, @code: as in &struct TSMOps
 * @looked: out: @connected, @tsm_name and @tsm_kind are what it looks like now
 * @stuck: out: bind failed, and so did its undo
 */
typedef struct TDICall {
    uint32_t state;
    GByteArray *report;
    uint64_t code;
    bool looked;
    bool connected;
    char *tsm_name;
    TSMKind tsm_kind;
    bool stuck;
} TDICall;

/**
 * tdi_call: have the TSM do something for the request that is being done
 *
 * Context: BQL, which is dropped meanwhile.
 * Returns: 0; -ECANCELED: an end has come meanwhile, and nothing else counts;
 *     -ENOTRECOVERABLE if @stuck; -EAGAIN: the device is not ready; else an
 *     errno that &struct TSMOps names, or one without a meaning.
 */
int tdi_call(TDIBinding *binding, TDIOperation operation, TDICall *call);

/* tdi_call_unbind_now: the same for an end, whose context this has */
int tdi_call_unbind_now(TDIBinding *binding);

/* tdi_call_look: what is it connected to?  Before there are any requests. */
void tdi_call_look(TDIBinding *binding);

/* tdi_binding_dismiss: let go of the thread; nothing is wanted any more */
void tdi_binding_dismiss(TDIBinding *binding);

/* So long a thread waits for the next request.  Only tests change it. */
extern unsigned int tdi_linger_ms;

/* tdi_wake: there is something to do for the thread */
void tdi_wake(TDIBinding *binding);

/* tdi_do: do what the current request is about; returns its @ret. */
int tdi_do(TDIBinding *binding, TDIRequest *request);

/* tdi_do_spare_work: populate some of what has appeared; drops the BQL */
void tdi_do_spare_work(TDIBinding *binding);

#endif /* HW_VFIO_PRIVATE_BINDING_H */
