/*
 * Requests of a guest about its TEE-I/O devices, left out of the build
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
