/*
 * TEE device interface (TDI): states, events and what leads where
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TDI_H
#define HW_VFIO_PRIVATE_TDI_H

/* TDIState, whose first four numbers are TDISP's; TDIReason */
#include "qapi/qapi-types-tdi.h"

/**
 * enum TDIEvent - what has happened to a TDI
 *
 * Each is fed in once it is a fact, or asked about before it is made one.
 *
 * @TDI_EVENT_BIND: the TSM has bound and locked it
 * @TDI_EVENT_START: the TSM has started it
 * @TDI_EVENT_UNBIND: the TSM has stopped and unbound it because somebody asked
 * @TDI_EVENT_HIDE: the same, but the guest does not know yet, or some of the
 *     MMIO could not be turned shared
 * @TDI_EVENT_ERROR: the device says that it is in ERROR, or is in a state in
 *     which it cannot be
 * @TDI_EVENT_LOST: an operation that changes the state failed with an errno
 * @TDI_EVENT_RESET: unbound since the VM is reset
 * @TDI_EVENT_UNPLUG: unbound since the device is unplugged
 * @TDI_EVENT_EXIT: unbound since QEMU ends
 */
typedef enum TDIEvent {
    TDI_EVENT_BIND,
    TDI_EVENT_START,
    TDI_EVENT_UNBIND,
    TDI_EVENT_HIDE,
    TDI_EVENT_ERROR,
    TDI_EVENT_LOST,
    TDI_EVENT_RESET,
    TDI_EVENT_UNPLUG,
    TDI_EVENT_EXIT,
    TDI_EVENT__MAX,
} TDIEvent;

/* Name for traces and messages; QAPI has those of states and reasons. */
const char *tdi_event_name(TDIEvent event);

/**
 * tdi_next: where an event leads
 * @state: the state now
 * @event: the event
 * @reason: on whose behalf; an event is refused if it is not one of its
 *     reasons, so the host can never start a TDI
 * @next: out: the new state, may be @state; untouched if refused
 *
 * Returns: false if the event is not allowed in this state.
 */
bool tdi_next(TDIState state, TDIEvent event, TDIReason reason,
              TDIState *next);

/**
 * tdi_observe: what follows from what the device says
 * @state: the state now, of a TDI that is bound
 * @reported: TDISP state, as the device gave it
 *
 * A device that reports less than what it was brought to, CONFIG_UNLOCKED
 * included, has left its state by itself: that is an error, since the TSM still
 * holds it bound and the guest still believes in it.
 *
 * Returns: the new state.
 */
TDIState tdi_observe(TDIState state, uint32_t reported);

/* tdi_state_bound: does the TSM have to be told to unbind it? */
bool tdi_state_bound(TDIState state);

/* tdi_state_hidden: is its MMIO out of the guest's reach? */
bool tdi_state_hidden(TDIState state);

#endif /* HW_VFIO_PRIVATE_TDI_H */
