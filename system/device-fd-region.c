/*
 * Device-fd region: device memory that QEMU hands on but never touches
 *
 * The ops table below is what marks a MemoryRegion as a device-fd region, so
 * the memory API needs no new type.  An access gets here when QEMU itself
 * makes it (DMA of an emulated device, the gdb stub, "xp"), or when KVM could
 * not make a memslot.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/device-fd-region.h"
#include "trace.h"

static MemTxResult device_fd_read(void *opaque, hwaddr addr, uint64_t *data,
                                  unsigned size, MemTxAttrs attrs)
{
    DeviceFdRegion *region = opaque;

    trace_device_fd_region_access(memory_region_name(&region->mr), "read",
                                  addr, size);
    *data = UINT64_MAX;
    return MEMTX_ERROR;
}

static MemTxResult device_fd_write(void *opaque, hwaddr addr, uint64_t data,
                                   unsigned size, MemTxAttrs attrs)
{
    DeviceFdRegion *region = opaque;

    trace_device_fd_region_access(memory_region_name(&region->mr), "write",
                                  addr, size);
    return MEMTX_ERROR;
}

static const MemoryRegionOps device_fd_ops = {
    .read_with_attrs = device_fd_read,
    .write_with_attrs = device_fd_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
    .impl = {
        .min_access_size = 1,
        .max_access_size = 8,
        .unaligned = true,
    },
};

/* Guarded by the BQL. */
static QLIST_HEAD(, DeviceFdRegion) device_fd_regions =
    QLIST_HEAD_INITIALIZER(device_fd_regions);

void device_fd_region_init(DeviceFdRegion *region, Object *owner,
                           const char *name, uint64_t size, int fd,
                           bool convertible)
{
    assert(size && QEMU_IS_ALIGNED(size, qemu_real_host_page_size()));

    region->fd = fd;
    region->convertible = convertible;
    region->slot_gpa = HWADDR_MAX;
    QLIST_INSERT_HEAD(&device_fd_regions, region, next);
    device_fd_state_init(&region->state, size);
    memory_region_init_io(&region->mr, owner, &device_fd_ops, region, name,
                          size);
}

void device_fd_region_destroy(DeviceFdRegion *region)
{
    QLIST_SAFE_REMOVE(region, next);
    device_fd_state_destroy(&region->state);
}

DeviceFdRegion *device_fd_region_from_mr(MemoryRegion *mr)
{
    return mr->ops == &device_fd_ops ? mr->opaque : NULL;
}

DeviceFdRegion *device_fd_region_from_fd(int fd)
{
    DeviceFdRegion *region;

    QLIST_FOREACH(region, &device_fd_regions, next) {
        if (region->fd == fd) {
            return region;
        }
    }
    g_assert_not_reached();
}

DeviceFdRegion *device_fd_region_last_at(hwaddr gpa)
{
    DeviceFdRegion *region;

    QLIST_FOREACH(region, &device_fd_regions, next) {
        if (region->guard && gpa >= region->slot_gpa &&
            gpa - region->slot_gpa < region->state.size) {
            return region;
        }
    }
    return NULL;
}

void device_fd_region_refresh(DeviceFdRegion *region)
{
    DeviceFdListener *listener;

    QTAILQ_FOREACH(listener, &region->state.listeners, next) {
        if (listener->refresh) {
            listener->refresh(listener);
        }
    }
}
