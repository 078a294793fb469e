/*
 * Private device assignment, left out of the build
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"
#include "hw/vfio/pci.h"
#include "hw/vfio-private/hooks.h"

void vfio_private_class_init(ObjectClass *klass)
{
}

bool vfio_private_check(VFIOPCIDevice *vdev, Error **errp)
{
    /* Never less than what was asked for. */
    if (vdev->private_bars || vdev->fd_bars) {
        error_setg(errp, "vfio: " VFIO_PRIVATE_NOT_BUILT);
        return false;
    }
    return true;
}

bool vfio_private_bars_setup(VFIOPCIDevice *vdev, Error **errp)
{
    return true;
}

bool vfio_private_check_quirks(VFIOPCIDevice *vdev, Error **errp)
{
    return true;
}

void vfio_private_config_written(VFIOPCIDevice *vdev, uint32_t addr,
                                 uint32_t val, int len)
{
}

bool vfio_private_prepare_reset(VFIOPCIDevice *vdev)
{
    return true;
}

void vfio_private_bars_exit(VFIOPCIDevice *vdev)
{
}

void vfio_private_finalize(VFIOPCIDevice *vdev)
{
}

uint32_t vfio_private_bind_flags(VFIODevice *vbasedev)
{
    return 0;
}

void vfio_private_bind_failed(VFIODevice *vbasedev, int err, Error **errp)
{
}

const MemoryRegionOps *vfio_private_region_ops(uint32_t flags)
{
    return NULL;
}

bool vfio_private_region_add(VFIOContainer *bcontainer,
                             MemoryRegionSection *section)
{
    return false;
}

bool vfio_private_region_del(VFIOContainer *bcontainer,
                             MemoryRegionSection *section)
{
    return false;
}

bool vfio_private_map_refused(VFIOContainer *bcontainer,
                              MemoryRegionSection *section, int err)
{
    return false;
}

bool vfio_private_handle_hypercall(struct kvm_run *run)
{
    return false;
}

void vfio_private_handle_tdx(struct kvm_run *run)
{
}

bool vfio_private_may_reset(bool wanted)
{
    return true;
}

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

TDICapabilities *qmp_query_tdi_capabilities(Error **errp)
{
    TDICapabilities *caps = g_new0(TDICapabilities, 1);

    QAPI_LIST_PREPEND(caps->reasons, g_strdup(VFIO_PRIVATE_NOT_BUILT));
    return caps;
}
