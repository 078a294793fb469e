/*
 * Memslots of device-fd regions, and conversion, without KVM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/kvm-private.h"
#include "system/private-ram.h"

bool kvm_private_mmio_has_slots(void)
{
    return false;
}

bool kvm_private_mmio_serves(void)
{
    return false;
}

bool kvm_private_has_tdcm(void)
{
    return false;
}

bool kvm_private_mmio_can_convert(void)
{
    return false;
}

int kvm_private_mmio_share(DeviceFdRegion *region)
{
    return 0;
}

bool private_ram_has_dma(void)
{
    return false;
}

int private_ram_fd(MemoryRegion *mr)
{
    g_assert_not_reached();
}

int private_ram_populate(MemoryRegion *mr, uint64_t offset, uint64_t size)
{
    g_assert_not_reached();
}

void private_ram_keep_populated(bool keep)
{
    g_assert_not_reached();
}

void private_ram_listen(MemoryRegion *mr, DeviceFdListener *listener)
{
    g_assert_not_reached();
}

void private_ram_unlisten(DeviceFdListener *listener)
{
    g_assert_not_reached();
}

int private_ram_foreach(MemoryRegion *mr, uint64_t offset, uint64_t size,
                        bool is_private, DeviceFdVisit *visit, void *opaque)
{
    g_assert_not_reached();
}
