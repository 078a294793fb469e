/*
 * The binding of one assigned device as a TDI: ends that cannot be refused
 *
 * See binding.c for what they may meet.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/log.h"
#include "binding-int.h"
#include "trace.h"

/* Also if it is still bound: it may run, and what is private is to stay so. */
static void tdi_binding_hide(TDIBinding *binding)
{
    binding->hidden = true;
    binding->ops->hide(binding->opaque, true);
}

static bool tdi_binding_force_unbind(TDIBinding *binding, const char *why,
                                     TDIReason reason)
{
    int ret;

    qatomic_set(&binding->urgent, true);
    WITH_QEMU_LOCK_GUARD(&binding->lock) {
        qatomic_set(&binding->urgent, false);
        ret = binding->tsm->unbind(binding->ctx);
    }
    binding->epoch++;
    trace_vfio_private_tdi_unbind(binding->name, why, ret);
    tdi_binding_note(binding, TDI_OPERATION_UNBIND, ret, 0);
    if (ret) {
        /* The guest may make it repeat, without end. */
        error_report_once_cond(&binding->warned, "vfio %s: cannot unbind the "
                               "TDI: %s; it is out of use", binding->name,
                               strerror(-ret));
        tdi_binding_event(binding, TDI_EVENT_LOST, reason);
        tdi_binding_hide(binding);
        return false;
    }
    binding->bound = false;
    return true;
}

bool tdi_binding_force(TDIBinding *binding, TDIEvent event, TDIReason reason)
{
    if (binding->bound &&
        !tdi_binding_force_unbind(binding, tdi_event_name(event), reason)) {
        return false;
    }
    if (binding->state == TDI_STATE_CONFIG_UNLOCKED && !binding->hidden &&
        !binding->unshared) {
        /* A bind that was in progress has not got any further. */
        return true;
    }
    if (event == TDI_EVENT_EXIT) {
        tdi_binding_event(binding, event, reason);
    } else {
        tdi_binding_release(binding, event, reason);
    }
    return true;
}

void tdi_binding_revoked(TDIBinding *binding, TDIReason reason)
{
    TDIState old = binding->state;

    /* What is hidden and still bound is out of reach; this was tried before. */
    if (!binding->bound || binding->hidden) {
        return;
    }
    qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: a bound TDI is reset or loses its "
                  "MMIO, it is stopped\n", binding->name);
    if (tdi_binding_force_unbind(binding, "revoke", reason) &&
        old != TDI_STATE_CONFIG_UNLOCKED) {
        tdi_binding_hide(binding);
        tdi_binding_event(binding, TDI_EVENT_ERROR, reason);
    }
}
