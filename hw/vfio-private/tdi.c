/*
 * TEE device interface (TDI): states, events and what leads where
 *
 *                    BIND             START (guest only)
 *   CONFIG_UNLOCKED ------> CONFIG_LOCKED ------> RUN
 *       ^  ^  ^                 |  |              |  |
 *       |  |  |   ERROR         |  +-----+--------+  |
 *       |  |  +- ERROR <--------+--------)-----------+
 *       |  +---- HIDDEN <-- HIDE, from anywhere
 *       +---- UNBIND, RESET, UNPLUG, EXIT, from anywhere
 *
 * LOST leads to UNKNOWN from anywhere.  Nothing else leads out of ERROR,
 * UNKNOWN and HIDDEN than to be unbound, so that no failure ends in an
 * assumption.
 *
 * This file is a table and knows nothing of QOM, KVM or ioctls.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tdi.h"

#define REFUSED (-1)
#define REASON(name) (1u << TDI_REASON_##name)

typedef struct TDIRule {
    const char *name;
    unsigned int reasons;
    int8_t next[TDI_STATE__MAX];
} TDIRule;

#define UNLOCKED TDI_STATE_CONFIG_UNLOCKED
#define LOCKED   TDI_STATE_CONFIG_LOCKED
#define RUN      TDI_STATE_RUN
#define ERR      TDI_STATE_ERROR
#define UNKNOWN  TDI_STATE_UNKNOWN
#define HIDDEN   TDI_STATE_HIDDEN

/* In the order of the states: UNLOCKED, LOCKED, RUN, ERROR, UNKNOWN, HIDDEN */
static const TDIRule rules[TDI_EVENT__MAX] = {
    [TDI_EVENT_BIND] = {
        "bind", REASON(GUEST) | REASON(MONITOR),
        { LOCKED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED },
    },
    [TDI_EVENT_START] = {
        "start", REASON(GUEST),
        { REFUSED, RUN, REFUSED, REFUSED, REFUSED, REFUSED },
    },
    [TDI_EVENT_UNBIND] = {
        "unbind", REASON(GUEST) | REASON(MONITOR) | REASON(DEVICE_ERROR),
        { UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED },
    },
    [TDI_EVENT_HIDE] = {
        "hide", (1u << TDI_REASON__MAX) - 1,
        { HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN },
    },
    [TDI_EVENT_ERROR] = {
        "error", REASON(GUEST) | REASON(MONITOR) | REASON(DEVICE_ERROR),
        { REFUSED, ERR, ERR, ERR, UNKNOWN, REFUSED },
    },
    [TDI_EVENT_LOST] = {
        "lost", (1u << TDI_REASON__MAX) - 1,
        { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN },
    },
    [TDI_EVENT_RESET] = {
        "reset", REASON(RESET),
        { UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED },
    },
    [TDI_EVENT_UNPLUG] = {
        "unplug", REASON(UNPLUG),
        { UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED },
    },
    [TDI_EVENT_EXIT] = {
        "exit", REASON(EXIT),
        { UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED },
    },
};

const char *tdi_event_name(TDIEvent event)
{
    return rules[event].name;
}

bool tdi_next(TDIState state, TDIEvent event, TDIReason reason, TDIState *next)
{
    const TDIRule *rule = &rules[event];

    if (!(rule->reasons & (1u << reason)) || rule->next[state] == REFUSED) {
        return false;
    }
    *next = rule->next[state];
    return true;
}

TDIState tdi_observe(TDIState state, uint32_t reported)
{
    switch (state) {
    case TDI_STATE_CONFIG_LOCKED:
    case TDI_STATE_RUN:
        /* Their numbers are those of TDISP. */
        return reported == state ? state : TDI_STATE_ERROR;
    case TDI_STATE_UNKNOWN:
        /* To see it running does not make it what somebody accepted. */
        return reported == TDI_STATE_ERROR ? TDI_STATE_ERROR : state;
    default:
        return state;
    }
}

bool tdi_state_bound(TDIState state)
{
    return state != TDI_STATE_CONFIG_UNLOCKED && state != TDI_STATE_HIDDEN;
}

bool tdi_state_hidden(TDIState state)
{
    return state == TDI_STATE_UNKNOWN || state == TDI_STATE_HIDDEN;
}
