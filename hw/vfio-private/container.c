/*
 * Memory with two views in the IOAS of a VFIO container
 *
 * The shared parts of each section of such memory are mapped: a device-fd
 * region with IOMMU_IOAS_MAP_FILE, so that other assigned devices can reach the
 * BAR, and RAM of a confidential guest.  Private parts are not mapped, and a
 * part is unmapped before it turns private.
 *
 * Where iommufd can take a part out of a mapping, RAM is mapped run by run, and
 * nothing of it has to be remembered.  Else each mapping is remembered as an
 * "area" and unmapped as a whole; what stays shared of it is mapped again.
 * Between the two, DMA to the rest of the area fails, so the areas of RAM are
 * small.
 *
 * A container that cannot map a BAR that appears, or turns shared, does
 * without: peer-to-peer DMA to it does not work, everything else does.  RAM has
 * to be mapped: without, the device cannot be added, or the conversion fails.
 *
 * Everything here runs with the BQL held.  In this file "last" is inclusive.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "hw/boards.h"
#include "hw/vfio/vfio-container.h"
#include "hw/vfio/vfio-iommufd.h"
#include "hw/vfio-private/hooks.h"
#include "system/address-spaces.h"
#include "system/dma.h"
#include "system/private-ram.h"
#include "system/ramblock.h"
#include "mmio.h"
#include "tsm-arch.h"
#include "trace.h"

/* So much of what is private is populated at a time. */
#define POPULATE_STEP (2 * MiB)

/* Areas of RAM, if iommufd cannot cut: a conversion disturbs so much of it. */
#define RAM_AREA (2 * MiB)

/**
 * struct VFIOPrivateWindow - one section of such memory in one container
 *
 * @listener: is told of conversions of @mr
 * @bcontainer: the container
 * @mr: the memory
 * @region: the device-fd region that it is; NULL: it is RAM
 * @iova: where the window begins in the address space
 * @offset: where the window begins in @mr
 * @size: bytes
 * @areas: what is mapped; start and last are bytes inside @mr; not used
 *     if @cuts
 * @readonly: devices may not write to it, as the guest may not
 * @cuts: iommufd can take a part out of a mapping
 * @unusable: the container could not map the section
 * @private_ret: 0: its private view is mapped as well, for TDIs; or -errno
 */
typedef struct VFIOPrivateWindow {
    DeviceFdListener listener;
    VFIOContainer *bcontainer;
    MemoryRegion *mr;
    DeviceFdRegion *region;
    hwaddr iova;
    uint64_t offset;
    uint64_t size;
    IntervalTreeRoot areas;
    bool readonly;
    bool cuts;
    bool unusable;
    int private_ret;
    QLIST_ENTRY(VFIOPrivateWindow) next;
} VFIOPrivateWindow;

static QLIST_HEAD(, VFIOPrivateWindow) windows =
    QLIST_HEAD_INITIALIZER(windows);

static int window_map_area(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    VFIOIOMMUClass *vioc = VFIO_IOMMU_GET_CLASS(w->bcontainer);
    hwaddr iova = w->iova + (start - w->offset);
    uint64_t size = last - start + 1;
    IntervalTreeNode *area;
    int ret = -EOPNOTSUPP;

    if (!w->region) {
        ret = vfio_container_dma_map(w->bcontainer, iova, size,
                                     memory_region_get_ram_ptr(w->mr) + start,
                                     w->readonly, w->mr);
    } else if (vioc->dma_map_file) {
        ret = vioc->dma_map_file(w->bcontainer, iova, size, w->region->fd,
                                 start, false);
    }
    trace_vfio_private_dma_map(memory_region_name(w->mr), iova, size, ret);
    if (ret || w->cuts) {
        return ret;
    }
    area = g_new0(IntervalTreeNode, 1);
    area->start = start;
    area->last = last;
    interval_tree_insert(area, &w->areas);
    return 0;
}

static int window_unmap_iova(VFIOPrivateWindow *w, uint64_t start,
                             uint64_t last)
{
    hwaddr iova = w->iova + (start - w->offset);
    int ret;

    /* A mapping that the kernel has revoked is unmapped like any other. */
    ret = vfio_container_dma_unmap(w->bcontainer, iova, last - start + 1, NULL,
                                   false);
    trace_vfio_private_dma_unmap(memory_region_name(w->mr), iova,
                                 last - start + 1, ret);
    return ret;
}

static int window_unmap(VFIOPrivateWindow *w, IntervalTreeNode *area)
{
    int ret = window_unmap_iova(w, area->start, area->last);

    if (ret) {
        return ret;
    }
    interval_tree_remove(area, &w->areas);
    g_free(area);
    return 0;
}

/* Unmap all; what stays is traced, and gone when the IOAS is. */
static void window_unmap_all(VFIOPrivateWindow *w)
{
    IntervalTreeNode *area;
    uint64_t pos = 0;

    if (w->cuts) {
        window_unmap_iova(w, w->offset, w->offset + w->size - 1);
    }
    while ((area = interval_tree_iter_first(&w->areas, pos, UINT64_MAX))) {
        uint64_t last = area->last;

        if (window_unmap(w, area)) {
            pos = last + 1;
        }
    }
}

/* Nothing of [start, last] is mapped; nor is it if this fails. */
static int window_map(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    uint64_t pos, end;
    int ret;

    for (pos = start; pos <= last; pos = end + 1) {
        end = last;
        if (!w->region && !w->cuts) {
            end = MIN(last, ROUND_UP(pos + 1, RAM_AREA) - 1);
        }
        ret = window_map_area(w, pos, end);
        if (ret) {
            IntervalTreeNode *area;

            while (pos > start &&
                   (area = interval_tree_iter_first(&w->areas, start,
                                                    pos - 1)) &&
                   !window_unmap(w, area)) {
                /* Each of them began in here. */
            }
            return ret;
        }
    }
    return 0;
}

/* For lack of RAM a device fails, but no VM that has begun to run. */
static void window_failed(VFIOPrivateWindow *w, int err)
{
    const char *name = memory_region_name(w->mr);
    Error **error = &w->bcontainer->error;

    if (w->region && !w->region->warned) {
        w->region->warned = true;
        warn_report("vfio: %s: cannot be mapped for DMA: %s; other devices "
                    "cannot reach it", name, strerror(-err));
    } else if (!w->region && w->bcontainer->initialized) {
        error_report("vfio: %s: a part of RAM cannot be mapped for DMA any "
                     "more: %s; devices cannot reach it", name,
                     strerror(-err));
    } else if (!w->region && !*error) {
        error_setg_errno(error, -err, "vfio: %s: RAM at 0x%" HWADDR_PRIx
                         " cannot be mapped for DMA", name, w->iova);
        error_append_hint(error, "Check the limit of locked memory (ulimit "
                          "-l), and that the memory backend is one that "
                          "devices can reach.\n");
    }
}

static int window_map_visit(void *opaque, uint64_t offset, uint64_t size)
{
    return window_map(opaque, offset, offset + size - 1);
}

static void window_map_shared(VFIOPrivateWindow *w)
{
    int ret;

    if (!w->region) {
        ret = private_ram_foreach(w->mr, w->offset, w->size, false,
                                  window_map_visit, w);
    } else if (w->region->hidden) {
        return;
    } else {
        ret = device_fd_state_foreach(&w->region->state, w->offset, w->size,
                                      false, window_map_visit, w);
    }
    w->unusable = ret != 0;
    if (ret) {
        window_unmap_all(w);
        window_failed(w, ret);
    }
}

/* A conversion does not depend on it. */
static void window_try_map(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    int ret = window_map(w, start, last);

    if (ret) {
        window_failed(w, ret);
    }
}

/* Is this page not mapped?  There is no way to ask but to map it. */
static bool window_page_free(VFIOPrivateWindow *w, uint64_t offset)
{
    uint64_t last = offset + qemu_real_host_page_size() - 1;

    return !window_map_area(w, offset, last) &&
           !window_unmap_iova(w, offset, last);
}

/*
 * Where iommufd cuts.  What it cannot cut reaches over an end of the range, and
 * is as little found as what is not mapped.
 */
static int window_cut_out(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    hwaddr iova = w->iova + (start - w->offset);
    int ret = vfio_private_ioas_unmap(VFIO_IOMMU_IOMMUFD(w->bcontainer), iova,
                                      last - start + 1);

    trace_vfio_private_dma_unmap(memory_region_name(w->mr), iova,
                                 last - start + 1, ret);
    if (ret != -ENOENT) {
        return ret;
    }
    return window_page_free(w, start) &&
           window_page_free(w, last + 1 - qemu_real_host_page_size()) ?
           0 : -EBUSY;
}

/*
 * What stays shared of an area: RAM has to be mapped, a BAR would better be.  A
 * guest may convert a BAR in many pieces, one after the other.  So it is mapped
 * in areas that get larger with the distance, and the next piece disturbs one
 * that is about as large as itself, not all that is left.
 */
static int window_remap(VFIOPrivateWindow *w, uint64_t start, uint64_t last)
{
    uint64_t pos, end;

    if (!w->region) {
        return window_map(w, start, last);
    }
    for (pos = start; pos <= last; pos = end + 1) {
        end = pos + dma_aligned_pow2_mask(pos, last, 64);
        window_try_map(w, pos, end);
    }
    return 0;
}

/* Take [start, last] out of an area that it overlaps, or leave it as it is. */
static int window_shrink(VFIOPrivateWindow *w, IntervalTreeNode *area,
                         uint64_t start, uint64_t last)
{
    uint64_t area_start = area->start, area_last = area->last;
    int ret = window_unmap(w, area);

    if (ret) {
        return ret;
    }
    if (area_start < start) {
        ret = window_remap(w, area_start, start - 1);
    }
    if (!ret && area_last > last) {
        ret = window_remap(w, last + 1, area_last);
        if (ret && area_start < start) {
            window_unmap(w, interval_tree_iter_first(&w->areas, area_start,
                                                     area_start));
        }
    }
    if (ret) {
        window_try_map(w, area_start, area_last);
    }
    return ret;
}

static int window_to_private(VFIOPrivateWindow *w, uint64_t start,
                             uint64_t last)
{
    IntervalTreeNode *area;

    if (w->cuts) {
        return window_cut_out(w, start, last);
    }
    while ((area = interval_tree_iter_first(&w->areas, start, last))) {
        uint64_t area_start = area->start;
        int ret = window_shrink(w, area, start, last);

        if (ret) {
            /* Areas come in ascending order: put back the ones before. */
            if (area_start > start) {
                window_try_map(w, start, area_start - 1);
            }
            return ret;
        }
    }
    return 0;
}

static int window_to_shared(VFIOPrivateWindow *w, uint64_t start,
                            uint64_t last)
{
    if (!w->region) {
        return window_map(w, start, last);
    }
    if (!w->unusable && !w->region->hidden) {
        window_try_map(w, start, last);
    }
    return 0;
}

static int window_notify(DeviceFdListener *listener, uint64_t offset,
                         uint64_t size, bool to_private)
{
    VFIOPrivateWindow *w = container_of(listener, VFIOPrivateWindow, listener);
    uint64_t start = MAX(offset, w->offset);
    uint64_t last = MIN(offset + size - 1, w->offset + w->size - 1);

    if (start > last) {
        return 0;
    }
    return to_private ? window_to_private(w, start, last)
                      : window_to_shared(w, start, last);
}

static void window_refresh(DeviceFdListener *listener)
{
    VFIOPrivateWindow *w = container_of(listener, VFIOPrivateWindow, listener);

    if (!w->unusable) {
        window_unmap_all(w);
        window_map_shared(w);
    }
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

/*
 * The private view of RAM
 *
 * It is mapped as a whole, once: the kernel lets a TDI have those of its pages
 * that are private at the moment, and takes away what turns shared.  So nothing
 * is to be done here at a conversion, and nothing to be got wrong.
 */

bool vfio_private_dma_supported(VFIOContainer *bcontainer)
{
    return tsm_arch(OBJECT(current_machine->cgs))->private_dma &&
           object_dynamic_cast(OBJECT(bcontainer), TYPE_VFIO_IOMMU_IOMMUFD) &&
           vfio_private_ioas_has_private(VFIO_IOMMU_IOMMUFD(bcontainer));
}

static void window_map_private(VFIOPrivateWindow *w)
{
    w->private_ret = -EOPNOTSUPP;
    if (!w->region && vfio_private_dma_supported(w->bcontainer)) {
        w->private_ret = VFIO_IOMMU_GET_CLASS(w->bcontainer)->dma_map_file(
            w->bcontainer, w->iova, w->size, w->mr->ram_block->guest_memfd,
            w->offset, w->readonly);
        trace_vfio_private_dma_map_private(memory_region_name(w->mr), w->iova,
                                           w->size, w->private_ret);
        if (w->private_ret) {
            warn_report("vfio: %s: private memory at 0x%" HWADDR_PRIx " cannot "
                        "be mapped: %s; TDIs have no DMA to it",
                        memory_region_name(w->mr), w->iova,
                        strerror(-w->private_ret));
        }
    }
}

static void window_unmap_private(VFIOPrivateWindow *w)
{
    if (!w->private_ret) {
        vfio_private_ioas_unmap_private(VFIO_IOMMU_IOMMUFD(w->bcontainer),
                                        w->iova, w->size);
    }
}

/* @pos: up to where all that is private is there; @left: bytes of the step */
typedef struct WindowPopulate {
    MemoryRegion *mr;
    uint64_t pos;
    uint64_t left;
} WindowPopulate;

static int window_populate(void *opaque, uint64_t offset, uint64_t size)
{
    WindowPopulate *step = opaque;
    int ret;

    size = MIN(size, step->left);
    ret = private_ram_populate(step->mr, offset, size);
    step->pos = offset + size;
    step->left -= size;
    return ret ?: !step->left;
}

int vfio_private_dma_populate(VFIOContainer *bcontainer, uint64_t *iova)
{
    WindowPopulate step = { .left = POPULATE_STEP };
    VFIOPrivateWindow *w, *first = NULL;
    uint64_t start, end;
    int ret;

    QLIST_FOREACH(w, &windows, next) {
        if (w->bcontainer != bcontainer || w->region) {
            continue;
        }
        if (w->private_ret) {
            /* One that cannot be reached is one too much, whenever it came. */
            return w->private_ret;
        }
        if (w->iova + w->size > *iova && (!first || w->iova < first->iova)) {
            first = w;
        }
    }
    if (!first) {
        return 0;
    }
    step.mr = first->mr;
    start = first->offset + (MAX(*iova, first->iova) - first->iova);
    end = first->offset + first->size;
    ret = private_ram_foreach(first->mr, start, end - start, true,
                              window_populate, &step);
    *iova = first->iova - first->offset + (ret ? step.pos : end);
    return ret ?: 1;
}

static VFIOPrivateWindow *window_new(VFIOContainer *bcontainer,
                                     MemoryRegionSection *section)
{
    VFIOPrivateWindow *w = g_new0(VFIOPrivateWindow, 1);

    memory_region_ref(section->mr);
    w->listener.notify = window_notify;
    w->listener.refresh = window_refresh;
    w->bcontainer = bcontainer;
    w->mr = section->mr;
    w->region = device_fd_region_from_mr(section->mr);
    w->iova = section->offset_within_address_space;
    w->offset = section->offset_within_region;
    w->size = int128_get64(section->size);
    w->readonly = section->readonly;
    QLIST_INSERT_HEAD(&windows, w, next);
    if (w->region) {
        QTAILQ_INSERT_TAIL(&w->region->state.listeners, &w->listener, next);
    } else {
        w->cuts = vfio_private_ioas_cuts(VFIO_IOMMU_IOMMUFD(bcontainer));
        private_ram_listen(w->mr, &w->listener);
    }
    return w;
}

/* Containers of the legacy interface have upstream's RAM discard listener. */
static bool window_wanted(VFIOContainer *bcontainer,
                          MemoryRegionSection *section)
{
    return device_fd_region_from_mr(section->mr) ||
           (memory_region_has_guest_memfd(section->mr) &&
            object_dynamic_cast(OBJECT(bcontainer), TYPE_VFIO_IOMMU_IOMMUFD));
}

bool vfio_private_region_add(VFIOContainer *bcontainer,
                             MemoryRegionSection *section)
{
    hwaddr iova = section->offset_within_address_space;
    uint64_t offset = section->offset_within_region;
    uint64_t size = int128_get64(section->size);
    VFIOPrivateWindow *w;

    if (!window_wanted(bcontainer, section)) {
        return false;
    }
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

    w = window_new(bcontainer, section);
    window_map_private(w);
    if (!w->region) {
        vfio_private_dma_appeared(bcontainer, iova, size);
    }
    window_map_shared(w);
    return true;
}

bool vfio_private_map_refused(VFIOContainer *bcontainer,
                              MemoryRegionSection *section, int err)
{
    if (err != -EBUSY || !bcontainer->initialized ||
        !tsm_arch(OBJECT(current_machine->cgs))->private_dma ||
        !object_dynamic_cast(OBJECT(bcontainer), TYPE_VFIO_IOMMU_IOMMUFD)) {
        return false;
    }
    /* A guest can do that again and again. */
    warn_report_once("vfio: %s: cannot be mapped for DMA: %s; other devices "
                     "cannot reach it", memory_region_name(section->mr),
                     strerror(-err));
    return true;
}

bool vfio_private_region_del(VFIOContainer *bcontainer,
                             MemoryRegionSection *section)
{
    IntervalTreeNode *area;
    VFIOPrivateWindow *w;

    if (!window_wanted(bcontainer, section)) {
        return false;
    }
    QLIST_FOREACH(w, &windows, next) {
        if (w->bcontainer == bcontainer && w->mr == section->mr &&
            w->iova == section->offset_within_address_space) {
            break;
        }
    }
    if (!w) {
        return true;
    }
    window_unmap_private(w);
    window_unmap_all(w);
    while ((area = interval_tree_iter_first(&w->areas, 0, UINT64_MAX))) {
        interval_tree_remove(area, &w->areas);
        g_free(area);
    }
    if (w->region) {
        QTAILQ_REMOVE(&w->region->state.listeners, &w->listener, next);
    } else {
        private_ram_unlisten(&w->listener);
    }
    QLIST_REMOVE(w, next);
    g_free(w);
    memory_region_unref(section->mr);
    return true;
}

static int keep_block_apart(RAMBlock *block, void *opaque)
{
    if (memory_region_has_ram_discard_manager(block->mr)) {
        memory_region_set_unmergeable(block->mr, true);
    }
    return 0;
}

/*
 * Before firmware runs, RAM is one range from 0 on.  It breaks up once the
 * first of the ranges below 1 MiB is switched, so break it up now.  What is
 * switched lies above this alias, by its priority.
 */
static void keep_low_apart(void)
{
    static MemoryRegion low;
    MemoryRegion *sysmem = get_system_memory();
    MemoryRegionSection section = memory_region_find(sysmem, 0, 2 * MiB);

    if (!section.mr) {
        return;
    }
    if (memory_region_has_ram_discard_manager(section.mr) && !low.container &&
        !section.offset_within_address_space &&
        int128_get64(section.size) > 1 * MiB) {
        memory_region_init_alias(&low, OBJECT(qdev_get_machine()),
                                 "vfio-private-low", section.mr,
                                 section.offset_within_region, 1 * MiB);
        memory_region_add_subregion(sysmem, 0, &low);
    }
    memory_region_unref(section.mr);
}

void vfio_private_keep_ram_apart(void)
{
    memory_region_transaction_begin();
    qemu_ram_foreach_block(keep_block_apart, NULL);
    keep_low_apart();
    memory_region_transaction_commit();
}
