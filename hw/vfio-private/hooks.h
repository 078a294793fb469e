/*
 * Private device assignment: what patched upstream files may use
 *
 * Upstream files include this header, and KVM's system/kvm-private.h, and no
 * other of the feature.  Every function has a no-op twin in stubs.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_HOOKS_H
#define HW_VFIO_PRIVATE_HOOKS_H

#include "qom/object.h"

/* What is said where the feature is left out of the build */
#define VFIO_PRIVATE_NOT_BUILT "private=on and fd-bars=on are not built in"

struct kvm_run;
typedef struct MemoryRegionOps MemoryRegionOps;
typedef struct VFIOContainer VFIOContainer;
typedef struct VFIODevice VFIODevice;
typedef struct VFIOPCIDevice VFIOPCIDevice;

/* hw/vfio/pci.c */

/* vfio_private_class_init: describe the properties "private" and "fd-bars". */
void vfio_private_class_init(ObjectClass *klass);

/**
 * vfio_private_check: refuse what does not go together
 * @vdev: device at the start of realize; nothing of the host is open yet
 * @errp: set on failure; the message names the device and the remedy
 *
 * Returns: true if the device needs nothing of this feature, or can have it.
 */
bool vfio_private_check(VFIOPCIDevice *vdev, Error **errp);

/**
 * vfio_private_bars_setup: make device-fd regions of the memory BARs
 * @vdev: device whose BARs and MSI-X capability have been read
 * @errp: set on failure
 *
 * Returns: true on success or if the device does not use the feature.  What
 *     was made is undone by vfio_private_bars_exit(), vfio_private_finalize().
 */
bool vfio_private_bars_setup(VFIOPCIDevice *vdev, Error **errp);

/**
 * vfio_private_check_quirks: refuse a device that QEMU must touch to work
 * @vdev: device after its BAR quirks were set up
 * @errp: set on failure
 *
 * Returns: true if there is no quirk, or the feature is not used.
 */
bool vfio_private_check_quirks(VFIOPCIDevice *vdev, Error **errp);

/**
 * vfio_private_config_written: a config write has reached the device
 * @vdev: the device
 * @addr: config space offset
 * @val: value written
 * @len: bytes
 *
 * A function level reset kills IOMMU mappings behind the memory API's back.
 *
 * Context: BQL.
 */
void vfio_private_config_written(VFIOPCIDevice *vdev, uint32_t addr,
                                 uint32_t val, int len);

/**
 * vfio_private_prepare_reset: the device is about to be reset
 * @vdev: the device
 *
 * A TDI has to be unbound before.  If the guest resets the device, e.g. by the
 * port above it, its BARs are out of reach until it unbinds the TDI as well, as
 * it may not have noticed.  By the time a reset of the VM gets to the device,
 * it is unbound.
 *
 * Context: BQL.
 * Returns: false if the device must not be reset: it cannot be unbound.
 */
bool vfio_private_prepare_reset(VFIOPCIDevice *vdev);

/* vfio_private_bars_exit: take the regions out of the BARs; idempotent. */
void vfio_private_bars_exit(VFIOPCIDevice *vdev);

/* vfio_private_finalize: close the dma-bufs, before the device is detached. */
void vfio_private_finalize(VFIOPCIDevice *vdev);

/* hw/vfio/iommufd.c */

/* vfio_private_bind_flags: flags for VFIO_DEVICE_BIND_IOMMUFD. */
uint32_t vfio_private_bind_flags(VFIODevice *vbasedev);

/**
 * vfio_private_bind_failed: say why, where the errno alone does not
 * @vbasedev: the device
 * @err: errno of VFIO_DEVICE_BIND_IOMMUFD
 * @errp: replaced if the flags of vfio_private_bind_flags() are the cause
 */
void vfio_private_bind_failed(VFIODevice *vbasedev, int err, Error **errp);

/* hw/vfio/region.c */

/**
 * vfio_private_region_ops: ops for a region that QEMU must not access
 * @flags: VFIO_REGION_INFO_FLAG_*
 *
 * Returns: the ops, to be used with a VFIORegion as opaque; NULL if QEMU may
 *     access the region.
 */
const MemoryRegionOps *vfio_private_region_ops(uint32_t flags);

/* hw/vfio/listener.c */

/**
 * vfio_private_region_add: map memory with two views for DMA
 * @bcontainer: the container
 * @section: section that has appeared in the address space of the container
 *
 * Returns: true if this was a device-fd region, or RAM of a confidential guest
 *     in a container of iommufd.  For lack of RAM a device that is being added
 *     fails (@bcontainer->error); any other failure is reported.
 */
bool vfio_private_region_add(VFIOContainer *bcontainer,
                             MemoryRegionSection *section);

/* vfio_private_region_del: the undo of vfio_private_region_add() */
bool vfio_private_region_del(VFIOContainer *bcontainer,
                             MemoryRegionSection *section);

/**
 * vfio_private_map_refused: may a section go without being mapped?
 * @bcontainer: the container
 * @section: section of RAM that has appeared in the address space
 * @err: why it was not mapped, -errno
 *
 * While a TDI is bound the kernel maps nothing where a page is private.  A
 * guest can have memory of another kind appear in place of private memory; KVM
 * is told of that after the containers, and the attribute is still there.
 *
 * Returns: true if that is why, which has been reported; devices do without it.
 */
bool vfio_private_map_refused(VFIOContainer *bcontainer,
                              MemoryRegionSection *section, int err);

/* target/i386/kvm/kvm.c */

/**
 * vfio_private_handle_hypercall: KVM_EXIT_HYPERCALL, perhaps KVM_HC_TDCM
 * @run: the exit; its ret is set
 *
 * Context: vCPU thread without the BQL.  May take as long as the device does.
 * Returns: false if it is another hypercall.
 */
bool vfio_private_handle_hypercall(struct kvm_run *run);

/* vfio_private_handle_tdx: likewise KVM_EXIT_TDX, perhaps TDVMCALL_TDCM */
void vfio_private_handle_tdx(struct kvm_run *run);

/* system/runstate.c */

/**
 * vfio_private_may_reset: may a reset begin, or a wake-up, which resets devices
 *     as well?
 * @wanted: one was requested
 *
 * It has to unbind all TDIs before, and would hold up the monitor while a TSM
 * takes its time.  If not: all that is wanted of TDIs has been cancelled, and
 * the main loop is woken up to ask again once the TSM is done.
 *
 * Context: main loop, BQL.
 */
bool vfio_private_may_reset(bool wanted);

#endif /* HW_VFIO_PRIVATE_HOOKS_H */
