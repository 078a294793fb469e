/*
 * The binding of one assigned device as a TDI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_BINDING_H
#define HW_VFIO_PRIVATE_BINDING_H

#include "qemu/queue.h"
#include "qemu/thread.h"
#include "report.h"
#include "tdi.h"
#include "tdi-error.h"
#include "tsm.h"

typedef struct TDIBinding TDIBinding;

/**
 * struct TDIBindingOps - what a binding needs of its device
 *
 * All are called with the BQL held.
 *
 * @rid: requester ID that the device has in the guest at this moment
 * @make_ready: may it be locked: memory decode and bus mastering on, all of its
 *     BARs mapped into the guest, none of it private?  If so, what cannot be read
 *     of a bound device has been read.
 * @bar_sizes: bytes of each memory BAR, for tdi_report_parse()
 * @part_private: is all of this part of a BAR private?  A page that QEMU
 *     emulates never is.
 * @share_all: turn all of its MMIO shared.  Returns 0 or -errno.
 * @hide: keep its MMIO out of the guest's reach from when the next part of it
 *     is unmapped or mapped, or no longer
 * @remap: map its MMIO anew.  Not in a memory transaction.
 * @changed: the state has changed
 * @flush: tell of that now, if it was put off
 * @describe: fill in what the device knows of itself: id, qom_path, host,
 *     slices, conversions
 * @block_unplug, @unblock_unplug: have device_del fail with this error, or no
 *     longer; the caller keeps the error
 * @ref, @unref: keep what contains the binding from going away
 */
typedef struct TDIBindingOps {
    uint32_t (*rid)(void *opaque);
    bool (*make_ready)(void *opaque);
    void (*bar_sizes)(void *opaque, uint64_t sizes[TDI_REPORT_NR_BARS]);
    bool (*part_private)(void *opaque, const TDIReportPart *part);
    int (*share_all)(void *opaque);
    void (*hide)(void *opaque, bool hide);
    void (*remap)(void *opaque);
    void (*changed)(void *opaque, TDIState old, TDIState new,
                    TDIReason reason);
    void (*flush)(void *opaque);
    void (*describe)(void *opaque, TDIInfo *info);
    void (*block_unplug)(void *opaque, Error *reason);
    void (*unblock_unplug)(void *opaque, Error *reason);
    void (*ref)(void *opaque);
    void (*unref)(void *opaque);
} TDIBindingOps;

/**
 * struct TDIBinding - one device that can be bound as a TDI
 *
 * @name: of the device, for messages
 * @ops, @opaque: the device
 * @tsm, @ctx: its TSM
 * @lock: held around every call of @tsm.  Lock order: BQL, then @lock; whoever
 *     holds @lock may drop the BQL but not take it.  Who cannot be refused may
 *     wait for it with the BQL, all others wait for @answered before.
 * @answered: with the BQL: nobody is @asking any more
 *
 * The rest is guarded by the BQL.
 *
 * @state: what is known of the TDI
 * @bound: the TSM has to be told to unbind; true in every state but
 *     CONFIG_UNLOCKED, except for @hidden
 * @connected: it was connected to a TSM when that was last looked at
 * @tsm_name, @tsm_kind: which one that was; NULL if none, or not known
 * @urgent: who holds the BQL waits for @lock.  Read without the BQL.
 * @busy: a request that changes @state has dropped the BQL, or waits until
 *     nobody is @asking
 * @asking: a request that changes nothing has dropped the BQL
 * @queued: a request of the monitor is about to begin
 * @by_guest: the guest has had a part in this binding
 * @hidden: the MMIO is out of reach until the guest unbinds the TDI: it was
 *     unbound behind the guest's back, @state is ERROR, or CONFIG_UNLOCKED if
 *     the monitor did it; or that failed, it is still @bound, and in UNKNOWN
 * @unshared: not bound, but MMIO could not be turned shared: unbind tries again
 * @epoch: counts what happens behind the back of a request that is @busy
 * @rid: requester ID that it was bound with
 * @parts: MMIO of the report; NULL if there is none that makes sense
 * @digest: SHA-256 of the report, in hexadecimal; NULL if there is none
 * @binds: how often it was bound
 * @errors: how often the TSM failed
 * @last_error: the latest of these failures, or NULL
 * @warned: a failure that may repeat has been reported
 * @next: in the list of all bindings
 */
struct TDIBinding {
    const char *name;
    const TDIBindingOps *ops;
    void *opaque;
    const TSMOps *tsm;
    TSMContext *ctx;
    QemuMutex lock;
    QemuCond answered;

    TDIState state;
    bool bound;
    bool connected;
    char *tsm_name;
    TSMKind tsm_kind;
    bool urgent;
    bool busy;
    bool asking;
    bool queued;
    bool by_guest;
    bool hidden;
    bool unshared;
    unsigned int epoch;
    uint32_t rid;
    GArray *parts;
    char *digest;
    uint64_t binds;
    uint64_t errors;
    TDIError *last_error;
    bool warned;
    QLIST_ENTRY(TDIBinding) next;
};

/* All devices that can be bound.  Guarded by the BQL; not in it: unplugged. */
extern QLIST_HEAD(TDIBindingList, TDIBinding) tdi_bindings;

/* tdi_binding_init: unbound; @binding is zeroed */
void tdi_binding_init(TDIBinding *binding, const char *name,
                      const TDIBindingOps *ops, void *opaque,
                      const TSMOps *tsm, TSMContext *ctx);

/* tdi_binding_destroy: of a binding that is not bound and not busy */
void tdi_binding_destroy(TDIBinding *binding);

/*
 * The operations that the guest or the monitor asks for.
 *
 * Context: BQL, which they drop while the TSM works.  The caller holds a
 * reference to what contains the binding, and no other lock.
 *
 * Return 0 or -errno, and set @code to the code of a TDISP error, or 0:
 * -EPERM: not in this state, changes nothing; -EBUSY: another one that changes
 * the state is in progress, one that only asks is waited for; -EAGAIN: the
 * device is not ready; -ENXIO: no TSM is connected; -ECANCELED: the TDI was
 * reset or unplugged meanwhile; -ENOTRECOVERABLE: bind failed, and so did its
 * undo; others: see &struct TSMOps.
 */

/* tdi_binding_connected: is there a TSM?  If that is not clear: was there? */
bool tdi_binding_connected(TDIBinding *binding);

/* tdi_binding_may_bind: would it be refused at once?  Returns 0 or -errno. */
int tdi_binding_may_bind(TDIBinding *binding, TDIReason reason);

/* tdi_binding_bind: lock it */
int tdi_binding_bind(TDIBinding *binding, TDIReason reason);

/* tdi_binding_start: to RUN; all TEE memory of the report must be private */
int tdi_binding_start(TDIBinding *binding, TDIReason reason, uint64_t *code);

/**
 * tdi_binding_unbind: stop it, then turn its MMIO shared
 *
 * Possible in every state, and a success if it is not bound.  If it fails, what
 * is private remains so, and the state is UNKNOWN; or CONFIG_UNLOCKED if it is
 * the MMIO that could not be turned shared.  It can be repeated.  If it succeeds
 * for the monitor, and the guest has had a part in the binding, it is @hidden.
 */
int tdi_binding_unbind(TDIBinding *binding, TDIReason reason);

/* tdi_binding_query: ask the device for its state; the result is in @state */
int tdi_binding_query(TDIBinding *binding, TDIReason reason, uint64_t *code);

/**
 * tdi_binding_report: read the report and remember its ranges
 * @report: out, on success: to be freed by the caller
 */
int tdi_binding_report(TDIBinding *binding, GByteArray **report,
                       uint64_t *code);

/**
 * tdi_binding_force: unbind it, whatever the guest thinks
 * @binding: the binding; nothing happens if it is not bound
 * @event: TDI_EVENT_RESET, TDI_EVENT_UNPLUG or TDI_EVENT_EXIT
 * @reason: the reason that goes with it
 *
 * Turns the MMIO shared afterwards, but for EXIT.  If it fails, what is private
 * remains so, and is @hidden when the MMIO is mapped next.
 *
 * Context: BQL, which is kept; waits for the TSM.
 * Returns: false if it is still bound; this has been reported.
 */
bool tdi_binding_force(TDIBinding *binding, TDIEvent event, TDIReason reason);

/**
 * tdi_binding_revoked: it is about to be reset, or its MMIO to be unmapped
 * @binding: the binding; nothing happens if it is not bound
 * @reason: on whose behalf
 *
 * The guest can do this to itself, e.g. by the port above the device.  The TDI
 * is unbound first, and @hidden until the guest knows.  If that fails, it is
 * @hidden and remains private, as far as it was.
 *
 * Context: BQL, which is kept; waits for the TSM.  In a memory transaction.
 */
void tdi_binding_revoked(TDIBinding *binding, TDIReason reason);

/**
 * tdi_binding_may_convert: may the guest convert this piece of a BAR?
 * @bar: BAR number
 * @offset: bytes inside the BAR
 * @size: bytes, not 0
 * @to_private: wanted state, which a part of the piece does not have
 *
 * A device that is not @connected is not a TDI, and may be converted at will.
 * All others: to private in CONFIG_LOCKED, what the report calls TEE memory; to
 * shared when unbound.
 *
 * Context: BQL.
 * Returns: 0; -EBUSY; -EPERM
 */
int tdi_binding_may_convert(TDIBinding *binding, unsigned int bar,
                            uint64_t offset, uint64_t size, bool to_private);

/* tdi_ends_register: from now on, resets and the end of QEMU unbind all TDIs */
void tdi_ends_register(void);

/* tdi_binding_frozen: must the device keep its configuration? */
bool tdi_binding_frozen(const TDIBinding *binding);

#endif /* HW_VFIO_PRIVATE_BINDING_H */
