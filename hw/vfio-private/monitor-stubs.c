/*
 * TDIs in the monitor: there are none in this QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"

TDIInfoList *qmp_query_tdi(Error **errp)
{
    return NULL;
}

static TDIRequestInfo *tdi_monitor_not_found(const char *id, Error **errp)
{
    error_set(errp, ERROR_CLASS_DEVICE_NOT_FOUND,
              "Device '%s' is not a TEE device interface", id);
    return NULL;
}

TDIRequestInfo *qmp_tdi_bind(const char *id, Error **errp)
{
    return tdi_monitor_not_found(id, errp);
}

TDIRequestInfo *qmp_tdi_unbind(const char *id, Error **errp)
{
    return tdi_monitor_not_found(id, errp);
}

TDIRequestInfo *qmp_tdi_refresh(const char *id, Error **errp)
{
    return tdi_monitor_not_found(id, errp);
}
