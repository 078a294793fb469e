/*
 * Private device assignment: what the monitor is told of a device
 *
 * Beside device.c and device-tdi.c this file knows VFIOPCIDevice.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/pci/pci.h"
#include "hw/qdev-core.h"
#include "qapi/qapi-events-tdi.h"
#include "device-int.h"

static TDIAttribute vfio_private_attribute(VFIOPrivateSlice *slice)
{
    DeviceFdState *state = &slice->region.state;
    uint64_t size = slice->range.size;
    IntervalTreeNode *first = interval_tree_iter_first(&state->private_set, 0,
                                                       size - 1);

    if (!first) {
        return TDI_ATTRIBUTE_SHARED;
    }
    /* Private ranges that touch are one. */
    return first->start == 0 && first->last == size - 1 ?
           TDI_ATTRIBUTE_PRIVATE : TDI_ATTRIBUTE_MIXED;
}

static TDISlice *vfio_private_slice_info(VFIOPCIDevice *vdev,
                                         VFIOPrivateSlice *slice)
{
    pcibus_t bar = pci_get_bar_addr(PCI_DEVICE(vdev), slice->bar->nr);
    TDISlice *info = g_new0(TDISlice, 1);

    info->bar = slice->bar->nr;
    info->offset = slice->range.offset;
    info->size = slice->range.size;
    info->attribute = vfio_private_attribute(slice);
    info->has_address = bar != PCI_BAR_UNMAPPED;
    info->address = info->has_address ? bar + slice->range.offset : 0;
    info->kvm = slice->region.slot_bytes == slice->range.size;
    info->dma = vfio_private_dma_mapped(&slice->region);
    return info;
}

void vfio_private_describe(void *opaque, TDIInfo *info)
{
    VFIOPCIDevice *vdev = opaque;
    TDISliceList **tail = &info->slices;
    int i;

    info->id = g_strdup(DEVICE(vdev)->id);
    info->qom_path = object_get_canonical_path(OBJECT(vdev));
    info->host = g_strdup(vdev->vbasedev.name);
    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        VFIOPrivateSlice *slice =
            g_ptr_array_index(vdev->private_dev->slices, i);

        QAPI_LIST_APPEND(tail, vfio_private_slice_info(vdev, slice));
        info->conversions += slice->region.state.conversions;
    }
}

void vfio_private_send_event(void *opaque, TDIState old, TDIState new,
                             TDIReason reason)
{
    VFIOPCIDevice *vdev = opaque;
    g_autofree char *path = object_get_canonical_path(OBJECT(vdev));

    qapi_event_send_tdi_state_changed(DEVICE(vdev)->id, path, old, new,
                                      reason);
}
