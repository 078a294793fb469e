/*
 * Device-fd regions in the IOAS of a VFIO container
 *
 * The shared parts of each device-fd section are mapped with
 * IOMMU_IOAS_MAP_FILE, so that other assigned devices can reach the BAR.
 * Private parts are not mapped, and a part is unmapped before it turns
 * private.
 *
 * iommufd cannot cut a mapping in two, so each one is remembered as an "area"
 * and unmapped as a whole; what stays shared of it is mapped again.  Between
 * the two, peer DMA to the rest of the area fails.
 *
 * A container that cannot map what appears, or turns shared, does without:
 * peer-to-peer DMA to it does not work, everything else does.
 *
 * Everything here runs with the BQL held.  In this file "last" is inclusive.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/vfio/vfio-container.h"
#include "hw/vfio-private/hooks.h"
#include "system/ramblock.h"
#include "mmio.h"
#include "trace.h"

/**
 * struct VFIOPrivateWindow - one device-fd section in one container
 *
 * @listener: registered with @region
 * @bcontainer: the container
 * @region: the region
 * @iova: where the window begins in the address space
 * @offset: where the window begins in the region
 * @size: bytes
 * @areas: what is mapped; start and last are bytes inside the region
 * @unusable: the container could not map the section
 */
typedef struct VFIOPrivateWindow {
    DeviceFdListener listener;
    VFIOContainer *bcontainer;
    DeviceFdRegion *region;
    hwaddr iova;
    uint64_t offset;
    uint64_t size;
    IntervalTreeRoot areas;
    bool unusable;
    QLIST_ENTRY(VFIOPrivateWindow) next;
} VFIOPrivateWindow;

static QLIST_HEAD(, VFIOPrivateWindow) windows =
    QLIST_HEAD_INITIALIZER(windows);

static int window_map(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    VFIOIOMMUClass *vioc = VFIO_IOMMU_GET_CLASS(w->bcontainer);
    hwaddr iova = w->iova + (start - w->offset);
    IntervalTreeNode *area;
    int ret = -EOPNOTSUPP;

    if (vioc->dma_map_file) {
        ret = vioc->dma_map_file(w->bcontainer, iova, last - start + 1,
                                 w->region->fd, w->region->fd_offset + start,
                                 false);
    }
    trace_vfio_private_dma_map(memory_region_name(&w->region->mr), iova,
                               last - start + 1, ret);
    if (ret) {
        return ret;
    }
    area = g_new0(IntervalTreeNode, 1);
    area->start = start;
    area->last = last;
    interval_tree_insert(area, &w->areas);
    return 0;
}

static int window_unmap(VFIOPrivateWindow *w, IntervalTreeNode *area)
{
    hwaddr iova = w->iova + (area->start - w->offset);
    int ret;

    /* A mapping that the kernel has revoked is unmapped like any other. */
    ret = vfio_container_dma_unmap(w->bcontainer, iova,
                                   area->last - area->start + 1, NULL, false);
    trace_vfio_private_dma_unmap(memory_region_name(&w->region->mr), iova,
                                 area->last - area->start + 1, ret);
    if (ret) {
        return ret;
    }
    interval_tree_remove(area, &w->areas);
    g_free(area);
    return 0;
}

static void window_warn(VFIOPrivateWindow *w, int err)
{
    if (!w->region->warned) {
        w->region->warned = true;
        warn_report("vfio: %s: cannot be mapped for DMA: %s; other devices "
                    "cannot reach it", memory_region_name(&w->region->mr),
                    strerror(-err));
    }
}

static int window_map_visit(void *opaque, uint64_t offset, uint64_t size)
{
    return window_map(opaque, offset, offset + size - 1);
}

/* Unmap all; an area that stays is traced, and gone when the IOAS is. */
static void window_unmap_all(VFIOPrivateWindow *w)
{
    IntervalTreeNode *area;
    uint64_t pos = 0;

    while ((area = interval_tree_iter_first(&w->areas, pos, UINT64_MAX))) {
        uint64_t last = area->last;

        if (window_unmap(w, area)) {
            pos = last + 1;
        }
    }
}

static void window_map_shared(VFIOPrivateWindow *w)
{
    int ret;

    if (w->region->hidden) {
        return;
    }
    ret = device_fd_state_foreach(&w->region->state, w->offset, w->size,
                                  false, window_map_visit, w);

    w->unusable = ret != 0;
    if (ret) {
        window_unmap_all(w);
        window_warn(w, ret);
    }
}

static bool window_cut(const VFIOPrivateWindow *w, uint64_t offset,
                       uint64_t size, uint64_t *start, uint64_t *last)
{
    *start = MAX(offset, w->offset);
    *last = MIN(offset + size - 1, w->offset + w->size - 1);
    return *start <= *last;
}

/* A conversion does not depend on it. */
static void window_try_map(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    int ret = window_map(w, start, last);

    if (ret) {
        window_warn(w, ret);
    }
}

static int window_notify_private(DeviceFdListener *listener, uint64_t offset,
                                 uint64_t size)
{
    VFIOPrivateWindow *w = container_of(listener, VFIOPrivateWindow, listener);
    uint64_t start, last;
    IntervalTreeNode *area;

    if (!window_cut(w, offset, size, &start, &last)) {
        return 0;
    }
    while ((area = interval_tree_iter_first(&w->areas, start, last))) {
        uint64_t area_start = area->start, area_last = area->last;
        int ret = window_unmap(w, area);

        if (ret) {
            /* Areas come in ascending order: put back the ones before. */
            if (area_start > start) {
                window_try_map(w, start, area_start - 1);
            }
            return ret;
        }
        if (area_start < start) {
            window_try_map(w, area_start, start - 1);
        }
        if (area_last > last) {
            window_try_map(w, last + 1, area_last);
        }
    }
    return 0;
}

static int window_notify_shared(DeviceFdListener *listener, uint64_t offset,
                                uint64_t size)
{
    VFIOPrivateWindow *w = container_of(listener, VFIOPrivateWindow, listener);
    uint64_t start, last;

    if (!w->unusable && !w->region->hidden &&
        window_cut(w, offset, size, &start, &last)) {
        window_try_map(w, start, last);
    }
    return 0;
}

static void window_refresh(DeviceFdListener *listener)
{
    VFIOPrivateWindow *w = container_of(listener, VFIOPrivateWindow, listener);

    if (!w->unusable) {
        window_unmap_all(w);
        window_map_shared(w);
    }
}

static VFIOPrivateWindow *window_find(VFIOContainer *bcontainer,
                                      DeviceFdRegion *region, hwaddr iova)
{
    VFIOPrivateWindow *w;

    QLIST_FOREACH(w, &windows, next) {
        if (w->bcontainer == bcontainer && w->region == region &&
            w->iova == iova) {
            return w;
        }
    }
    return NULL;
}

bool vfio_private_dma_mapped(const DeviceFdRegion *region)
{
    VFIOPrivateWindow *w;

    QLIST_FOREACH(w, &windows, next) {
        if (w->region == region &&
            interval_tree_iter_first(&w->areas, 0, UINT64_MAX)) {
            return true;
        }
    }
    return false;
}

bool vfio_private_region_add(VFIOContainer *bcontainer,
                             MemoryRegionSection *section)
{
    DeviceFdRegion *region = device_fd_region_from_mr(section->mr);
    hwaddr iova = section->offset_within_address_space;
    uint64_t offset = section->offset_within_region;
    VFIOPrivateWindow *w;
    uint64_t size;

    if (!region) {
        return false;
    }
    size = int128_get64(section->size);
    /* Sizing a 64-bit BAR makes it appear at the top of the address space. */
    if (iova & (1ULL << 63)) {
        return true;
    }
    /* Not an address at which a BAR is used; as for an mmapped BAR. */
    if ((iova | offset | size) & ((1ULL << ctz64(bcontainer->pgsizes)) - 1)) {
        trace_vfio_private_dma_skip(memory_region_name(section->mr), iova,
                                    size);
        return true;
    }

    memory_region_ref(section->mr);
    w = g_new0(VFIOPrivateWindow, 1);
    w->listener.notify_private = window_notify_private;
    w->listener.notify_shared = window_notify_shared;
    w->listener.refresh = window_refresh;
    w->bcontainer = bcontainer;
    w->region = region;
    w->iova = iova;
    w->offset = offset;
    w->size = size;
    QLIST_INSERT_HEAD(&windows, w, next);
    QTAILQ_INSERT_TAIL(&region->state.listeners, &w->listener, next);
    window_map_shared(w);
    return true;
}

bool vfio_private_region_del(VFIOContainer *bcontainer,
                             MemoryRegionSection *section)
{
    DeviceFdRegion *region = device_fd_region_from_mr(section->mr);
    VFIOPrivateWindow *w;

    if (!region) {
        return false;
    }
    w = window_find(bcontainer, region, section->offset_within_address_space);
    if (w) {
        IntervalTreeNode *area;

        window_unmap_all(w);
        while ((area = interval_tree_iter_first(&w->areas, 0, UINT64_MAX))) {
            interval_tree_remove(area, &w->areas);
            g_free(area);
        }
        QTAILQ_REMOVE(&region->state.listeners, &w->listener, next);
        QLIST_REMOVE(w, next);
        g_free(w);
        memory_region_unref(section->mr);
    }
    return true;
}

static int keep_block_apart(RAMBlock *block, void *opaque)
{
    if (memory_region_has_ram_discard_manager(block->mr)) {
        memory_region_set_unmergeable(block->mr, true);
    }
    return 0;
}

void vfio_private_keep_ram_apart(void)
{
    memory_region_transaction_begin();
    qemu_ram_foreach_block(keep_block_apart, NULL);
    memory_region_transaction_commit();
}
