/*
 * The binding of one assigned device as a TDI: what binding.c and queue.c share
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

/* tdi_do: do what the current request is about; returns its @ret. */
int tdi_do(TDIBinding *binding, TDIRequest *request);

#endif /* HW_VFIO_PRIVATE_BINDING_INT_H */
