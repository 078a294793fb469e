/*
 * What QEMU asks about TEE-I/O devices whatever else it has, left out of the
 * build
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio-private/hooks.h"

bool vfio_private_handle_hypercall(struct kvm_run *run)
{
    return false;
}

void vfio_private_handle_tdx(struct kvm_run *run)
{
}

bool vfio_private_may_reset(void)
{
    return true;
}
