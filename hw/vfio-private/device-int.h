/*
 * Private device assignment: what check.c and device*.c share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_DEVICE_INT_H
#define HW_VFIO_PRIVATE_DEVICE_INT_H

#include "hw/vfio/pci.h"
#include "binding.h"
#include "mmio.h"

/**
 * struct VFIOPrivateDevice - what a device with fd-only BARs has besides
 *
 * @slices: VFIOPrivateSlice pointers, in BAR order
 * @blocker: blocks migration, snapshots and CPR
 * @binding: its binding as a TDI
 * @frozen: mask of config space bits that are frozen while it is bound
 */
struct VFIOPrivateDevice {
    GPtrArray *slices;
    Error *blocker;
    TDIBinding binding;
    uint8_t *frozen;
};

static inline VFIOPrivateSlice *vfio_private_slice(VFIOPCIDevice *vdev, int i)
{
    return g_ptr_array_index(vdev->private_dev->slices, i);
}

/* vfio_private_enabled: has it a property that keeps QEMU from its BARs? */
bool vfio_private_enabled(VFIOPCIDevice *vdev);
/* vfio_private_property: which, as the user writes it */
const char *vfio_private_property(VFIOPCIDevice *vdev);

/* vfio_private_tdi_class_init: methods of a device that may be a TDI */
void vfio_private_tdi_class_init(ObjectClass *klass);

/**
 * vfio_private_tdi_setup: make a device with private=on one that can be bound
 * @vdev: device with its slices
 *
 * If the host's kernel has no means for it, the device works without: its BARs
 * can be converted, but it cannot be locked.
 */
void vfio_private_tdi_setup(VFIOPCIDevice *vdev);

/* vfio_private_tdi_exit: unbind for good and free the context; idempotent */
void vfio_private_tdi_exit(VFIOPCIDevice *vdev);

/* vfio_private_tdi_finalize: the rest; no request is in progress any more */
void vfio_private_tdi_finalize(VFIOPCIDevice *vdev);

/**
 * vfio_private_no_lock: why can no device of this VM be locked?
 *
 * Returns: what of KVM is missing; NULL if nothing is.
 */
const char *vfio_private_no_lock(void);

/* vfio_private_seen: a device has shown whether the kernel has this */
void vfio_private_seen(TDIInterface interface, bool found);

/* vfio_private_describe: the method of TDIBindingOps, in device.c */
void vfio_private_describe(void *opaque, TDIInfo *info);

#endif /* HW_VFIO_PRIVATE_DEVICE_INT_H */
