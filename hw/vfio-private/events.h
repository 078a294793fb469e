/*
 * Telling of a TDI's changes of state, but not too often
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_EVENTS_H
#define HW_VFIO_PRIVATE_EVENTS_H

#include "qemu/timer.h"
#include "qapi/qapi-types-tdi.h"

/* At least so long from one event of a TDI to the next. */
#define TDI_EVENTS_INTERVAL_MS 100

typedef void TDIEventsSend(void *opaque, TDIState old, TDIState new,
                           TDIReason reason);

/**
 * struct TDIEvents - events of one TDI
 *
 * The guest may change the state as often as it likes.  The first change is
 * told at once; of those that follow too soon, only the last, once it is time.
 *
 * @send, @opaque: where events go
 * @timer: runs while an event must not be sent
 * @told: state that listeners know of
 * @state, @reason: the latest change
 *
 * Guarded by the BQL.
 */
typedef struct TDIEvents {
    TDIEventsSend *send;
    void *opaque;
    QEMUTimer *timer;
    TDIState told;
    TDIState state;
    TDIReason reason;
} TDIEvents;

/* tdi_events_init: of a TDI in CONFIG_UNLOCKED */
void tdi_events_init(TDIEvents *events, TDIEventsSend *send, void *opaque);

/* tdi_events_changed: the state has changed */
void tdi_events_changed(TDIEvents *events, TDIState state, TDIReason reason);

/* tdi_events_flush: send what has been held back */
void tdi_events_flush(TDIEvents *events);

/* tdi_events_destroy: flush, undo tdi_events_init(); idempotent */
void tdi_events_destroy(TDIEvents *events);

#endif /* HW_VFIO_PRIVATE_EVENTS_H */
