/*
 * The binding of one assigned device as a TDI: what its files share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_BINDING_INT_H
#define HW_VFIO_PRIVATE_BINDING_INT_H

#include "binding.h"

/**
 * struct TDICall - what goes to a TSM and comes back
 *
 * @rid: for bind
 * @state, @report, @code: as in &struct TSMOps
 * @looked: out: @connected, @tsm_name and @tsm_kind are what it looks like now
 * @cancelled: out: it was unbound by force meanwhile, so nothing else counts
 * @stuck: out: bind failed, and so did its undo
 */
typedef struct TDICall {
    uint32_t rid;
    uint32_t state;
    GByteArray *report;
    uint64_t code;
    bool looked;
    bool connected;
    char *tsm_name;
    TSMKind tsm_kind;
    bool cancelled;
    bool stuck;
} TDICall;

/**
 * tdi_binding_wait: until nobody asks the TSM for something
 * @change: the caller is going to change the state; meanwhile nobody else does,
 *     and nobody else begins to ask
 *
 * Context: BQL, which is dropped meanwhile.
 * Returns: 0; -EBUSY: somebody else changes the state; -ECANCELED: it was
 *     unbound by force meanwhile.
 */
int tdi_binding_wait(TDIBinding *binding, bool change);

/**
 * tdi_binding_call: have the TSM do something
 *
 * Context: BQL, which is dropped meanwhile, but not since tdi_binding_wait().
 * Returns: 0; -ECANCELED if @cancelled; -ENOTRECOVERABLE if @stuck; -EAGAIN:
 *     the device is not ready; else an errno that &struct TSMOps names, or one
 *     without a meaning.
 */
int tdi_binding_call(TDIBinding *binding, TDIOperation operation,
                     TDICall *call);

/**
 * tdi_call_look: what is the device connected to?
 *
 * Context: as for a call of the TSM.
 */
void tdi_call_look(const TDIBinding *binding, TDICall *call);

/* tdi_binding_take_look: remember what tdi_call_look() has seen, if it has */
void tdi_binding_take_look(TDIBinding *binding, TDICall *call);

/* tdi_binding_event: @event, which must be allowed, has become a fact */
void tdi_binding_event(TDIBinding *binding, TDIEvent event, TDIReason reason);

/* tdi_binding_note: the TSM has returned @ret; remember it if it is an error */
void tdi_binding_note(TDIBinding *binding, TDIOperation operation, int ret,
                      uint64_t code);

/**
 * tdi_binding_release: turn everything shared of a TDI that is unbound
 *
 * Returns: 0; -errno if some of it stays private, which has been reported.
 */
int tdi_binding_release(TDIBinding *binding, TDIEvent event,
                        TDIReason reason);

#endif /* HW_VFIO_PRIVATE_BINDING_INT_H */
