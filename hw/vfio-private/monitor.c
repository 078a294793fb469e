/*
 * TDIs in the monitor: query-tdi, tdi-bind, tdi-unbind
 *
 * A TSM may take seconds, and a command that waits would hold up all monitors.
 * So a request that is not refused at once goes to a thread of its own, which
 * takes the BQL like a vCPU with a guest's request does, and drops it while
 * the TSM works.  The outcome comes as an event.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"
#include "qapi/qapi-events-tdi.h"
#include "qapi/qapi-visit-tdi.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/thread.h"
#include "binding.h"
#include "trace.h"

static TDIInfo *tdi_monitor_info(TDIBinding *binding)
{
    TDIInfo *info = g_new0(TDIInfo, 1);

    binding->ops->describe(binding->opaque, info);
    info->guest_rid = binding->ops->rid(binding->opaque);
    info->state = binding->state;
    info->busy = binding->busy || binding->queued;
    /* Not asked now: the kernel may have it wait for any device of the host. */
    info->tsm = g_strdup(binding->tsm_name);
    info->has_tsm_kind = info->tsm != NULL;
    info->tsm_kind = binding->tsm_kind;
    info->report_digest = g_strdup(binding->digest);
    info->binds = binding->binds;
    info->errors = binding->errors;
    if (binding->last_error) {
        info->last_error = QAPI_CLONE(TDIError, binding->last_error);
    }
    return info;
}

TDIInfoList *qmp_query_tdi(Error **errp)
{
    TDIInfoList *list = NULL;
    TDIBinding *binding;

    QLIST_FOREACH(binding, &tdi_bindings, next) {
        /* The newest device comes first there, and last here. */
        QAPI_LIST_PREPEND(list, tdi_monitor_info(binding));
    }
    return list;
}

static TDIBinding *tdi_monitor_find(const char *id, Error **errp)
{
    TDIBinding *binding, *found = NULL;

    QLIST_FOREACH(binding, &tdi_bindings, next) {
        g_autoptr(TDIInfo) info = g_new0(TDIInfo, 1);

        binding->ops->describe(binding->opaque, info);
        if (!g_strcmp0(info->id, id) || !g_strcmp0(info->qom_path, id)) {
            found = binding;
        }
    }
    if (!found) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
                  "Device '%s' is not a TEE device interface", id);
        error_append_hint(errp, "Those with private=on are; query-tdi lists "
                          "them.\n");
    }
    return found;
}

/*
 * Requests
 */

typedef struct TDIMonitorRequest {
    TDIBinding *binding;
    TDIOperation operation;
    Error *blocker;
    QemuThread thread;
} TDIMonitorRequest;

static int tdi_monitor_run(const TDIMonitorRequest *request)
{
    if (!QLIST_IS_INSERTED(request->binding, next)) {
        return -ECANCELED;
    }
    return request->operation == TDI_OPERATION_BIND ?
           tdi_binding_bind(request->binding, TDI_REASON_MONITOR) :
           tdi_binding_unbind(request->binding, TDI_REASON_MONITOR);
}

static void tdi_monitor_failed(const TDIMonitorRequest *request, int ret)
{
    g_autoptr(TDIError) error = tdi_error_new(request->operation, ret, 0);
    g_autoptr(TDIInfo) info = g_new0(TDIInfo, 1);

    request->binding->ops->describe(request->binding->opaque, info);
    /* The path is gone if it was unplugged; then the id has to do. */
    qapi_event_send_tdi_request_failed(info->id, info->qom_path ?: "", error);
}

static void *tdi_monitor_thread(void *opaque)
{
    g_autofree TDIMonitorRequest *request = opaque;
    TDIBinding *binding = request->binding;
    int ret;

    rcu_register_thread();
    bql_lock();
    binding->queued = false;
    ret = tdi_monitor_run(request);
    trace_vfio_private_monitor(binding->name,
                               TDIOperation_str(request->operation), ret);
    if (ret) {
        tdi_monitor_failed(request, ret);
    }
    binding->ops->unblock_unplug(binding->opaque, request->blocker);
    error_free(request->blocker);
    binding->ops->unref(binding->opaque);
    bql_unlock();
    rcu_unregister_thread();
    return NULL;
}

static void tdi_monitor_start(TDIBinding *binding, TDIOperation operation)
{
    TDIMonitorRequest *request = g_new0(TDIMonitorRequest, 1);

    binding->ops->ref(binding->opaque);
    binding->queued = true;
    request->binding = binding;
    request->operation = operation;
    /* The guest would let go of it soon, and all of QEMU wait for the TSM. */
    error_setg(&request->blocker, "vfio %s: tdi-%s is in progress, wait for "
               "its event", binding->name, TDIOperation_str(operation));
    binding->ops->block_unplug(binding->opaque, request->blocker);
    qemu_thread_create(&request->thread, "tdi", tdi_monitor_thread, request,
                       QEMU_THREAD_DETACHED);
}

static void tdi_monitor_refuse(const char *id, TDIOperation operation, int ret,
                               ErrorClass class, Error **errp)
{
    g_autoptr(TDIError) error = tdi_error_new(operation, ret, 0);

    error_set(errp, class, "Device '%s' cannot be %s: %s", id,
              operation == TDI_OPERATION_BIND ? "bound" : "unbound",
              error->desc);
}

void qmp_tdi_bind(const char *id, Error **errp)
{
    TDIBinding *binding = tdi_monitor_find(id, errp);
    ErrorClass class = ERROR_CLASS_GENERIC_ERROR;
    int ret;

    if (!binding) {
        return;
    }
    if (!binding->ctx) {
        error_set(errp, ERROR_CLASS_KVM_MISSING_CAP,
                  "Device '%s' cannot be bound: the host kernel has no means "
                  "for it", id);
        return;
    }
    ret = binding->queued ? -EBUSY :
          tdi_binding_may_bind(binding, TDI_REASON_MONITOR);
    if (ret == -EAGAIN) {
        class = ERROR_CLASS_DEVICE_NOT_ACTIVE;
    }
    if (ret) {
        tdi_monitor_refuse(id, TDI_OPERATION_BIND, ret, class, errp);
        return;
    }
    tdi_monitor_start(binding, TDI_OPERATION_BIND);
}

void qmp_tdi_unbind(const char *id, Error **errp)
{
    TDIBinding *binding = tdi_monitor_find(id, errp);

    if (!binding) {
        return;
    }
    if (binding->queued || binding->busy) {
        tdi_monitor_refuse(id, TDI_OPERATION_UNBIND, -EBUSY,
                           ERROR_CLASS_GENERIC_ERROR, errp);
        return;
    }
    tdi_monitor_start(binding, TDI_OPERATION_UNBIND);
}
