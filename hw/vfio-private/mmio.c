/*
 * The BARs of a device as device-fd regions
 *
 * Each slice of a BAR has a dma-buf of its own, so that no importer can reach
 * the pages between slices.  The dma-buf is the only handle on the memory:
 * nothing here maps it, and the kernel refuses to.
 *
 * Lifetime of a slice: new -> map -> unmap -> (QOM frees the MemoryRegion) ->
 * free.  KVM and iommufd hold references of their own to the dma-buf while
 * they use it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <linux/vfio-private.h>

#include "qapi/error.h"
#include "mmio.h"
#include "trace.h"

VFIOPrivateSlice *vfio_private_slice_new(VFIORegion *bar,
                                         const VFIOPrivateRange *range,
                                         Error **errp)
{
    VFIODevice *vbasedev = bar->vbasedev;
    size_t size = sizeof(struct vfio_device_feature) +
                  sizeof(struct vfio_device_feature_dma_buf) +
                  sizeof(struct vfio_region_dma_range);
    g_autofree struct vfio_device_feature *feature = g_malloc0(size);
    struct vfio_device_feature_dma_buf *dma_buf =
        (struct vfio_device_feature_dma_buf *)feature->data;
    VFIOPrivateSlice *slice;
    int fd;

    feature->argsz = size;
    feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
    dma_buf->region_index = bar->nr;
    dma_buf->open_flags = O_RDWR | O_CLOEXEC;
    dma_buf->nr_ranges = 1;
    dma_buf->dma_ranges[0].offset = range->offset;
    dma_buf->dma_ranges[0].length = range->size;

    fd = vbasedev->io_ops->device_feature(vbasedev, feature);
    trace_vfio_private_export(vbasedev->name, bar->nr, range->offset,
                              range->size, fd);
    if (fd < 0) {
        error_setg_errno(errp, -fd, "BAR %u: cannot export 0x%" PRIx64
                         " bytes at 0x%" PRIx64 " as a dma-buf",
                         bar->nr, range->size, range->offset);
        return NULL;
    }
    slice = g_new0(VFIOPrivateSlice, 1);
    slice->bar = bar;
    slice->range = *range;
    slice->fd = fd;
    return slice;
}

void vfio_private_slice_map(VFIOPrivateSlice *slice, Object *owner,
                            bool convertible)
{
    g_autofree char *name =
        g_strdup_printf("%s fd[0x%" PRIx64 "]",
                        memory_region_name(slice->bar->mem),
                        slice->range.offset);

    device_fd_region_init(&slice->region, owner, name, slice->range.size,
                          slice->fd, convertible);
    memory_region_add_subregion(slice->bar->mem, slice->range.offset,
                                &slice->region.mr);
}

void vfio_private_slice_unmap(VFIOPrivateSlice *slice)
{
    if (memory_region_is_mapped(&slice->region.mr)) {
        memory_region_del_subregion(slice->bar->mem, &slice->region.mr);
    }
}

void vfio_private_slice_free(VFIOPrivateSlice *slice)
{
    trace_vfio_private_close(slice->bar->nr, slice->range.offset,
                             slice->range.size, slice->fd);
    device_fd_region_destroy(&slice->region);
    close(slice->fd);
    g_free(slice);
}
