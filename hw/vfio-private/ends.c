/*
 * What ends the bindings of all TDIs: reset of the VM, end of QEMU; and what
 * requests of the guest wait for: that it runs again
 *
 * A reset unbinds them before the first device is reset.  The end of QEMU does
 * so as soon as it is certain, while there are monitors to hear of it.  It does
 * not wait long for a TSM that is at work: then, or if QEMU is killed or exits
 * in another way, the kernel unbinds the TDI as the files of QEMU are closed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/notify.h"
#include "qemu/timer.h"
#include "hw/resettable.h"
#include "hw/vfio-private/hooks.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "system/runstate-action.h"
#include "binding.h"
#include "request.h"

static void tdi_ends_force(TDIReason reason)
{
    TDIBinding *binding;

    QLIST_FOREACH(binding, &tdi_bindings, next) {
        tdi_binding_force(binding, reason);
    }
}

/* Is nothing being done?  What waits comes to nothing. */
static bool tdi_ends_idle(void)
{
    TDIBinding *binding;
    bool idle = true;

    QLIST_FOREACH(binding, &tdi_bindings, next) {
        tdi_binding_cancel(binding);
        idle &= !binding->current;
    }
    return idle;
}

/* Called each time around the main loop, mostly with nothing @wanted. */
bool vfio_private_may_reset(bool wanted)
{
    tdi_reset_waits = wanted;
    return !wanted || tdi_ends_idle();
}

/*
 * A system reset has three phases, and devices are reset in the second one.  So
 * an object that takes part in the first one is ahead of all of them.
 */
#define TYPE_TDI_RESET "vfio-private-reset"
OBJECT_DECLARE_SIMPLE_TYPE(TDIReset, TDI_RESET)

struct TDIReset {
    Object parent;
    ResettableState reset_state;
};

OBJECT_DEFINE_SIMPLE_TYPE_WITH_INTERFACES(TDIReset, tdi_reset, TDI_RESET,
                                          OBJECT,
                                          { TYPE_RESETTABLE_INTERFACE }, { })

static void tdi_reset_enter(Object *obj, ResetType type)
{
    tdi_reset_waits = false;
    vfio_private_request_reset();
    tdi_ends_force(TDI_REASON_RESET);
}

static ResettableState *tdi_reset_get_state(Object *obj)
{
    return &TDI_RESET(obj)->reset_state;
}

static void tdi_reset_class_init(ObjectClass *klass, const void *data)
{
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    rc->get_state = tdi_reset_get_state;
    rc->phases.enter = tdi_reset_enter;
}

static void tdi_reset_init(Object *obj)
{
}

static void tdi_reset_finalize(Object *obj)
{
}

/* So long QEMU waits for a TSM before it leaves the rest to the kernel. */
#define TDI_EXIT_WAIT_MS 500

static void tdi_ends_wait(void)
{
    int64_t end = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + TDI_EXIT_WAIT_MS;
    int64_t left = TDI_EXIT_WAIT_MS;

    while (!tdi_ends_idle() && left > 0) {
        /* Which drops the BQL, so look at all of them again. */
        qemu_cond_timedwait_bql(&tdi_ended_cond, left);
        left = end - qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
    }
}

static void tdi_ends_at_shutdown(Notifier *notifier, void *opaque)
{
    if (shutdown_action == SHUTDOWN_ACTION_PAUSE) {
        /* The VM has ended, but may begin anew by a reset. */
        return;
    }
    /* vCPUs stop first.  It is what QEMU does next anyway. */
    vm_shutdown();
    tdi_ends_wait();
    tdi_ends_force(TDI_REASON_EXIT);
}

static Notifier tdi_ends_shutdown_notifier = {
    .notify = tdi_ends_at_shutdown,
};

static void guest_resumes(void *opaque, bool running, RunState state)
{
    if (running) {
        vfio_private_request_resume();
    }
}

void tdi_ends_register(void)
{
    static Object *reset;

    if (!reset) {
        reset = object_new(TYPE_TDI_RESET);
        qemu_register_resettable(reset);
        qemu_register_shutdown_notifier(&tdi_ends_shutdown_notifier);
        qemu_add_vm_change_state_handler(guest_resumes, NULL);
    }
}
