/*
 * Private device assignment without KVM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "accel/kvm/kvm-private-mmio.h"

bool kvm_private_mmio_has_slots(void)
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
