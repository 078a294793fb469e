/*
 * Telling of a TDI's changes of state, but not too often
 *
 * QEMU's own throttle of QMP events keeps the newest event and drops the ones
 * before, so that the old state of one event would not be the new state of the
 * event before it.  Here it is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "events.h"

void tdi_events_flush(TDIEvents *events)
{
    TDIState old = events->told;

    if (old != events->state) {
        events->told = events->state;
        events->send(events->opaque, old, events->state, events->reason);
    }
}

static void tdi_events_arm(TDIEvents *events)
{
    timer_mod(events->timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) +
                             TDI_EVENTS_INTERVAL_MS);
}

static void tdi_events_timer(void *opaque)
{
    TDIEvents *events = opaque;

    if (events->told != events->state) {
        tdi_events_flush(events);
        tdi_events_arm(events);
    }
}

void tdi_events_init(TDIEvents *events, TDIEventsSend *send, void *opaque)
{
    *events = (TDIEvents) {
        .send = send,
        .opaque = opaque,
        .timer = timer_new_ms(QEMU_CLOCK_REALTIME, tdi_events_timer, events),
    };
}

void tdi_events_changed(TDIEvents *events, TDIState state, TDIReason reason)
{
    events->state = state;
    events->reason = reason;
    if (!timer_pending(events->timer)) {
        tdi_events_flush(events);
        tdi_events_arm(events);
    }
}

void tdi_events_destroy(TDIEvents *events)
{
    if (events->timer) {
        tdi_events_flush(events);
        timer_free(events->timer);
        events->timer = NULL;
    }
}
