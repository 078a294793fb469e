/*
 * TDIs in the monitor: query-tdi, tdi-bind, tdi-unbind, tdi-refresh
 *
 * A TSM may take seconds, and a command that waits would hold up all monitors.
 * So what is not refused at once becomes a request in the queue of the TDI,
 * whose end is told by an event.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"
#include "qapi/qapi-events-tdi.h"
#include "qapi/qapi-visit-tdi.h"
#include "hw/qdev-core.h"
#include "binding.h"

static TDIInfo *tdi_monitor_info(TDIBinding *binding)
{
    TDIInfo *info = g_new0(TDIInfo, 1);

    binding->ops->describe(binding->opaque, info);
    info->id = g_strdup(binding->id);
    info->qom_path = g_strdup(binding->path);
    info->guest_rid = binding->ops->rid(binding->opaque);
    info->state = binding->state;
    info->busy = tdi_binding_busy(binding);
    /* Not asked now: the kernel may have it wait for any device of the host. */
    info->tsm = g_strdup(binding->tsm_name);
    info->has_tsm_kind = info->tsm != NULL;
    info->tsm_kind = binding->tsm_kind;
    info->private_dma_enabled = binding->dma;
    info->has_private_dma = binding->dma &&
        binding->tsm->dma_bytes(binding->ctx, &info->private_dma);
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
        if (!g_strcmp0(binding->id, id) || !g_strcmp0(binding->path, id)) {
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

/**
 * struct TDIMonitorRequest - a command whose end has not been told
 * @tdi: what the queue does
 * @nr: its number, by which clients tell it from others
 * @blocker: why it cannot be unplugged
 */
typedef struct TDIMonitorRequest {
    TDIRequest tdi;
    uint64_t nr;
    Error *blocker;
} TDIMonitorRequest;

static void tdi_monitor_done(TDIRequest *tdi)
{
    TDIMonitorRequest *request = container_of(tdi, TDIMonitorRequest, tdi);
    TDIBinding *binding = tdi->binding;
    g_autoptr(TDIError) error = NULL;

    if (tdi->ret) {
        error = tdi_error_new(tdi->operation, tdi->ret, tdi->code);
    }
    qapi_event_send_tdi_request_completed(binding->id, binding->path,
                                          request->nr, tdi->operation, error);
    qdev_del_unplug_blocker(DEVICE(binding->opaque), request->blocker);
    error_free(request->blocker);
    g_free(request);
}

static TDIRequestInfo *tdi_monitor_submit(TDIBinding *binding,
                                          TDIOperation operation)
{
    static uint64_t last;
    TDIMonitorRequest *request = g_new0(TDIMonitorRequest, 1);
    TDIRequestInfo *info = g_new0(TDIRequestInfo, 1);

    request->nr = info->request = ++last;
    request->tdi.operation = operation;
    request->tdi.reason = TDI_REASON_MONITOR;
    request->tdi.done = tdi_monitor_done;
    /* The guest would let go of it soon, and all of QEMU wait for the TSM. */
    error_setg(&request->blocker, "vfio %s: request %" PRIu64 " of the monitor "
               "(%s) is not done, wait for its event", binding->name,
               request->nr, TDIOperation_str(operation));
    qdev_add_unplug_blocker(DEVICE(binding->opaque), request->blocker);
    tdi_submit(binding, &request->tdi);
    return info;
}

TDIRequestInfo *qmp_tdi_bind(const char *id, Error **errp)
{
    TDIBinding *binding = tdi_monitor_find(id, errp);
    g_autoptr(TDIError) error = NULL;
    int ret;

    if (!binding) {
        return NULL;
    }
    if (!binding->tsm) {
        error_setg(errp, "Device '%s' cannot be bound: %s", id,
                   binding->no_lock ?: TSM_NO_VIOMMU);
        return NULL;
    }
    /* If something is going on, its turn tells. */
    ret = tdi_binding_busy(binding) ? 0 :
          tdi_binding_may_bind(binding, TDI_REASON_MONITOR);
    if (ret) {
        error = tdi_error_new(TDI_OPERATION_BIND, ret, 0);
        error_setg(errp, "Device '%s' cannot be bound: %s", id, error->desc);
        return NULL;
    }
    return tdi_monitor_submit(binding, TDI_OPERATION_BIND);
}

static TDIRequestInfo *tdi_monitor_request(const char *id,
                                           TDIOperation operation,
                                           Error **errp)
{
    TDIBinding *binding = tdi_monitor_find(id, errp);

    return binding ? tdi_monitor_submit(binding, operation) : NULL;
}

TDIRequestInfo *qmp_tdi_unbind(const char *id, Error **errp)
{
    return tdi_monitor_request(id, TDI_OPERATION_UNBIND, errp);
}

TDIRequestInfo *qmp_tdi_refresh(const char *id, Error **errp)
{
    return tdi_monitor_request(id, TDI_OPERATION_GET_STATE, errp);
}
