/*
 * Private device assignment: what cannot work, and why
 *
 * Each refusal is one line that names the device, the reason and the remedy.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <linux/vfio-private.h>

#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"
#include "hw/boards.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_host.h"
#include "hw/qdev-core.h"
#include "hw/vfio/pci.h"
#include "hw/vfio-private/hooks.h"
#include "system/address-spaces.h"
#include "system/confidential-guest-support.h"
#include "system/iommufd.h"
#include "system/kvm.h"
#include "system/kvm-private.h"
#include "system/system.h"
#include "device-int.h"
#include "tsm.h"
#include "tsm-arch.h"

#define NO_PRIVATE_BIND \
    "requires VFIO_DEVICE_BIND_FLAG_PRIVATE, which the kernel refuses: " \
    "boot a host kernel with patches-kernel/ applied"

typedef struct VFIOPrivateConflict {
    bool found;
    const char *text;
} VFIOPrivateConflict;

/* What to call a device that has no name yet. */
static char *vfio_private_name(VFIOPCIDevice *vdev)
{
    if (vdev->vbasedev.sysfsdev) {
        return g_path_get_basename(vdev->vbasedev.sysfsdev);
    }
    if (vdev->vbasedev.fd >= 0) {
        return g_strdup_printf("fd %d", vdev->vbasedev.fd);
    }
    return g_strdup_printf("%04x:%02x:%02x.%x", vdev->host.domain,
                           vdev->host.bus, vdev->host.slot,
                           vdev->host.function);
}

static bool vfio_private_refuse(VFIOPCIDevice *vdev,
                                const VFIOPrivateConflict *conflicts, int nr,
                                Error **errp)
{
    const char *property = vfio_private_property(vdev);
    g_autofree char *name = NULL;
    int i;

    for (i = 0; i < nr; i++) {
        if (!conflicts[i].found) {
            continue;
        }
        if (vdev->vbasedev.name) {
            /* Realize prepends the name. */
            error_setg(errp, "%s %s", property, conflicts[i].text);
        } else {
            name = vfio_private_name(vdev);
            error_setg(errp, "vfio %s: %s %s", name, property,
                       conflicts[i].text);
        }
        return true;
    }
    return false;
}

/* Properties that exclude each other, whatever the machine and the host. */
static bool vfio_private_check_properties(VFIOPCIDevice *vdev, Error **errp)
{
    VFIODevice *vbasedev = &vdev->vbasedev;
    PCIDevice *pdev = PCI_DEVICE(vdev);
    const VFIOPrivateConflict conflicts[] = {
        { vdev->private_bars && vdev->fd_bars,
          "includes fd-bars=on: remove fd-bars" },
        { !vbasedev->iommufd,
          "requires iommufd: add -object iommufd,id=ID and iommufd=ID" },
        { vfio_device_is_mdev(vbasedev),
          "does not work with mediated devices: assign a PCI device" },
        { vdev->features & VFIO_FEATURE_ENABLE_VGA,
          "excludes x-vga=on: QEMU would access the device; remove x-vga" },
        { vdev->features & VFIO_FEATURE_ENABLE_IGD_LPC ||
          vdev->igd_legacy_mode == ON_OFF_AUTO_ON,
          "excludes x-igd-lpc=on and x-igd-legacy-mode=on: QEMU would access "
          "the device; remove them" },
        { vdev->display != ON_OFF_AUTO_OFF,
          "excludes display: QEMU would read the device; use display=off" },
        { vdev->enable_ramfb,
          "excludes ramfb=on: QEMU would read the device; use ramfb=off" },
        { vbasedev->no_mmap,
          "excludes x-no-mmap=on: QEMU would access the BARs; remove "
          "x-no-mmap" },
        { vdev->msix_relo != OFF_AUTO_PCIBAR_OFF,
          "excludes x-msix-relocation: BARs keep their layout; remove "
          "x-msix-relocation" },
        { vdev->no_kvm_intx,
          "excludes x-no-kvm-intx=on: QEMU cannot see the access that ends an "
          "interrupt; remove x-no-kvm-intx" },
        { vbasedev->enable_migration == ON_OFF_AUTO_ON,
          "excludes enable-migration=on: the device cannot migrate; use "
          "enable-migration=off" },
        { pdev->failover_pair_id,
          "excludes failover_pair_id: the VM cannot migrate; remove "
          "failover_pair_id" },
    };

    return !vfio_private_refuse(vdev, conflicts, ARRAY_SIZE(conflicts), errp);
}

/* What this VM may lack, whatever the device */
enum {
    VM_KVM,
    VM_GUEST,
    VM_INTERRUPTS,
    VM_SLOTS,
    VM_ATTRIBUTES,
    VM_CONFLICTS,
};

static void vfio_private_vm_conflicts(bool is_private,
                                      VFIOPrivateConflict *conflicts)
{
    ConfidentialGuestSupport *cgs = current_machine->cgs;
    const char *refused = tsm_arch(OBJECT(cgs))->refused;
    const VFIOPrivateConflict all[VM_CONFLICTS] = {
        [VM_KVM] = { !kvm_enabled(), "requires KVM: use -accel kvm" },
        [VM_GUEST] = { is_private && refused, refused },
        [VM_INTERRUPTS] = { kvm_enabled() && !(kvm_irqfds_enabled() &&
                                               kvm_resamplefds_enabled()),
          "requires KVM to end interrupts by itself: use -machine "
          "kernel-irqchip=on" },
        [VM_SLOTS] = { kvm_enabled() && !kvm_private_has(KVM_CAP_VFIO_DMABUF,
                                                         KVM_MEM_VFIO_DMABUF),
          "requires KVM_CAP_VFIO_DMABUF: boot a host kernel with "
          "patches-kernel/ applied" },
        /* KVM has it for confidential VMs only. */
        [VM_ATTRIBUTES] = { is_private && cgs && kvm_enabled() &&
                            !kvm_private_has(KVM_CAP_MEMORY_ATTRIBUTES,
                                             KVM_MEMORY_ATTRIBUTE_PRIVATE),
          "requires a VM with private memory: enable it in the host's KVM" },
    };

    memcpy(conflicts, all, sizeof(all));
}

/*
 * A mapping that a virtual IOMMU has asked for is made, and unmade, when the
 * guest says so.  Nothing takes it away when a page of it turns private, and
 * the device would go on to reach the page.
 */
#define NO_VIOMMU \
    "does not work with a virtual IOMMU in a confidential guest: pages that " \
    "turn private would stay mapped; remove the virtual IOMMU"

static bool vfio_private_check_viommu(VFIOPCIDevice *vdev, Error **errp)
{
    g_autofree char *name = NULL;

    if (!machine_require_guest_memfd(current_machine) ||
        pci_device_iommu_address_space(PCI_DEVICE(vdev)) ==
        &address_space_memory) {
        return true;
    }
    name = vfio_private_name(vdev);
    error_setg(errp, "vfio %s: " NO_VIOMMU, name);
    return false;
}

/* Of those that came first */
static void vfio_private_check_viommus(Notifier *notifier, void *data)
{
    VFIODevice *vbasedev;

    QLIST_FOREACH(vbasedev, &vfio_device_list, global_next) {
        VFIOPCIDevice *vdev = vfio_pci_from_vfio_device(vbasedev);

        if (vdev) {
            vfio_private_check_viommu(vdev, &error_fatal);
        }
    }
}

static void vfio_private_check_viommus_later(void)
{
    static Notifier notifier = { .notify = vfio_private_check_viommus };

    if (!phase_check(PHASE_MACHINE_READY) && !notifier.node.le_prev) {
        qemu_add_machine_init_done_notifier(&notifier);
    }
}

bool vfio_private_check(VFIOPCIDevice *vdev, Error **errp)
{
    VFIOPrivateConflict conflicts[VM_CONFLICTS];

    if (!vfio_private_check_viommu(vdev, errp)) {
        return false;
    }
    vfio_private_check_viommus_later();
    if (!vfio_private_enabled(vdev)) {
        return true;
    }
    vfio_private_vm_conflicts(vdev->private_bars, conflicts);
    if (!vfio_private_check_properties(vdev, errp) ||
        vfio_private_refuse(vdev, conflicts, ARRAY_SIZE(conflicts), errp)) {
        return false;
    }
    /* Nor may VFIO's own migration code look at the device. */
    vdev->vbasedev.enable_migration = ON_OFF_AUTO_OFF;
    vfio_private_keep_ram_apart();
    return true;
}

static bool vfio_private_has_quirk(VFIOPCIDevice *vdev)
{
    int i;

    for (i = 0; i < PCI_ROM_SLOT; i++) {
        if (!QLIST_EMPTY(&vdev->bars[i].quirks)) {
            return true;
        }
    }
    /* Only sets vdev->resetfn, and is about to be called anyway. */
    vfio_setup_resetfn_quirk(vdev);
    return vdev->resetfn;
}

bool vfio_private_check_quirks(VFIOPCIDevice *vdev, Error **errp)
{
    const VFIOPrivateConflict conflicts[] = {
        { vfio_private_has_quirk(vdev),
          "does not work with this device: QEMU has to access its BARs (device "
          "quirk); remove the property" },
        { vfio_is_vga(vdev) && vfio_pci_is(vdev, PCI_VENDOR_ID_INTEL,
                                           PCI_ANY_ID),
          "does not work with Intel graphics: QEMU has to access it; remove "
          "the property" },
    };

    return !vfio_private_enabled(vdev) ||
           !vfio_private_refuse(vdev, conflicts, ARRAY_SIZE(conflicts), errp);
}

uint32_t vfio_private_bind_flags(VFIODevice *vbasedev)
{
    VFIOPCIDevice *vdev = vfio_pci_from_vfio_device(vbasedev);

    return vdev && vfio_private_enabled(vdev) ?
           VFIO_DEVICE_BIND_FLAG_PRIVATE : 0;
}

void vfio_private_bind_failed(VFIODevice *vbasedev, int err, Error **errp)
{
    VFIOPCIDevice *vdev = vfio_pci_from_vfio_device(vbasedev);
    bool in_use = err == EBUSY ||
                  (err == EINVAL && !tsm_iommufd_may_bind(vbasedev->fd, 0));
    /* Without one the kernel has no objection. */
    bool token = vdev && err == EINVAL && !in_use &&
                 !qemu_uuid_is_null(&vdev->vf_token) &&
                 tsm_iommufd_may_bind(vbasedev->fd,
                                      VFIO_DEVICE_BIND_FLAG_PRIVATE);
    const VFIOPrivateConflict conflicts[] = {
        { in_use,
          "cannot have the device, it is in use by another process: end that "
          "one" },
        { token,
          "cannot have the device with vf-token, it takes none: remove "
          "vf-token" },
        { err == EINVAL, NO_PRIVATE_BIND },
        { err == EOPNOTSUPP,
          "is not supported by the host driver of the device: bind it to "
          "vfio-pci" },
    };
    Error *local_err = NULL;

    if (!errp || !vfio_private_bind_flags(vbasedev)) {
        return;
    }
    if (err == EINVAL && !in_use && !token) {
        vfio_private_seen(TDI_INTERFACE_VFIO_PRIVATE, false);
    }
    if (vfio_private_refuse(vdev, conflicts, ARRAY_SIZE(conflicts),
                            &local_err)) {
        error_free(*errp);
        *errp = local_err;
    }
}

/*
 * query-tdi-capabilities
 */

/* Stops at a bus that is not behind one: a device can be plugged there. */
static int vfio_private_look_at_bus(Object *obj, void *opaque)
{
    PCIHostState *host = (PCIHostState *)
        object_dynamic_cast(obj, TYPE_PCI_HOST_BRIDGE);
    PCIBus *bus = host ? host->bus : NULL;
    bool *behind_viommu = opaque;

    /* A root bus of an expander is looked after by that of the expander. */
    while (bus && !bus->iommu_ops && bus->parent_dev) {
        bus = pci_get_bus(bus->parent_dev);
    }
    if (!bus) {
        return 0;
    }
    *behind_viommu = bus->iommu_ops && !pci_bus_bypass_iommu(host->bus);
    return !*behind_viommu;
}

/* Is every device refused for it, wherever it is plugged? */
static bool vfio_private_all_behind_viommu(void)
{
    bool behind_viommu = false;

    if (machine_require_guest_memfd(current_machine)) {
        object_child_foreach_recursive(object_get_root(),
                                       vfio_private_look_at_bus,
                                       &behind_viommu);
    }
    return behind_viommu;
}

/* What devices have shown of what only shows with one.  Guarded by the BQL. */
static TDIInterfaceStatus seen[TDI_INTERFACE__MAX];

/* It starts as that. */
QEMU_BUILD_BUG_ON(TDI_INTERFACE_STATUS_UNKNOWN != 0);

static const char *const missing[] = {
    [TDI_INTERFACE_KVM_PRIVATE_MMIO] =
        "KVM serves no private accesses to device memory in this kind of VM "
        "(KVM_VFIO_DMABUF_PRIVATE): boot a host kernel with patches-kernel/ "
        "applied; for TDX, on a platform with TDX Connect",
    [TDI_INTERFACE_KVM_TDCM] =
        "KVM does not hand on what the guest asks of TSMs (TDCM): boot a host "
        "kernel with patches-kernel/ applied",
    [TDI_INTERFACE_VFIO_PRIVATE] = "private=on " NO_PRIVATE_BIND,
    [TDI_INTERFACE_IOMMUFD_TSM] = TSM_NO_VIOMMU,
    [TDI_INTERFACE_IOMMUFD_EVENTS] =
        "the host kernel has no IOMMU_VEVENTQ_TYPE_TSM: boot one with "
        "patches-kernel/ applied",
};

void vfio_private_seen(TDIInterface interface, bool found)
{
    /* One device that fails does not take away what another has shown. */
    if (seen[interface] != TDI_INTERFACE_STATUS_FOUND) {
        seen[interface] = found ? TDI_INTERFACE_STATUS_FOUND :
                                  TDI_INTERFACE_STATUS_MISSING;
    }
}

const char *vfio_private_no_lock(void)
{
    return !kvm_private_mmio_serves() ?
           missing[TDI_INTERFACE_KVM_PRIVATE_MMIO] :
           !kvm_private_has_tdcm() ? missing[TDI_INTERFACE_KVM_TDCM] : NULL;
}

static TDIInterfaceInfo *vfio_private_interface(TDIInterface interface,
                                                TDIInterfaceStatus status,
                                                const char *reason)
{
    TDIInterfaceInfo *info = g_new0(TDIInterfaceInfo, 1);

    info->interface = interface;
    info->status = status;
    if (status == TDI_INTERFACE_STATUS_MISSING) {
        info->reason = g_strdup(reason);
    }
    return info;
}

/* One of KVM's, which conflict number @nr is about */
static TDIInterfaceInfo *
vfio_private_kvm_interface(TDIInterface interface,
                           const VFIOPrivateConflict *conflicts, int nr)
{
    const VFIOPrivateConflict *conflict =
        &conflicts[conflicts[VM_KVM].found ? VM_KVM : nr];
    g_autofree char *reason = g_strdup_printf("private=on %s", conflict->text);
    TDIInterfaceStatus status = TDI_INTERFACE_STATUS_FOUND;

    if (conflict->found) {
        status = TDI_INTERFACE_STATUS_MISSING;
    } else if (nr == VM_ATTRIBUTES && !current_machine->cgs) {
        status = TDI_INTERFACE_STATUS_UNKNOWN;
    }
    return vfio_private_interface(interface, status, reason);
}

/* One of KVM's that a device does without, but then nothing can lock it */
static TDIInterfaceInfo *vfio_private_kvm_lock(TDIInterface interface,
                                               bool found)
{
    TDIInterfaceStatus status = found ? TDI_INTERFACE_STATUS_FOUND :
                                        TDI_INTERFACE_STATUS_MISSING;

    if (!kvm_enabled() || !current_machine->cgs) {
        /* It depends on the kind of VM. */
        status = TDI_INTERFACE_STATUS_UNKNOWN;
    }
    return vfio_private_interface(interface, status, missing[interface]);
}

TDICapabilities *qmp_query_tdi_capabilities(Error **errp)
{
    TDICapabilities *caps = g_new0(TDICapabilities, 1);
    TDIInterfaceInfoList **tail = &caps->interfaces;
    strList **reasons = &caps->reasons;
    VFIOPrivateConflict conflicts[VM_CONFLICTS];
    int i;

    caps->has_guest = true;
    caps->guest = tsm_arch(OBJECT(current_machine->cgs))->guest;
    /* In the order in which a device is refused */
    if (vfio_private_all_behind_viommu()) {
        QAPI_LIST_APPEND(reasons, g_strdup(NO_VIOMMU));
    }
    vfio_private_vm_conflicts(true, conflicts);
    for (i = 0; i < VM_CONFLICTS; i++) {
        if (conflicts[i].found) {
            QAPI_LIST_APPEND(reasons, g_strdup_printf("private=on %s",
                                                      conflicts[i].text));
        }
    }
    QAPI_LIST_APPEND(tail, vfio_private_kvm_interface(
                         TDI_INTERFACE_KVM_SLOTS, conflicts, VM_SLOTS));
    QAPI_LIST_APPEND(tail, vfio_private_kvm_interface(
                         TDI_INTERFACE_KVM_ATTRIBUTES, conflicts,
                         VM_ATTRIBUTES));
    QAPI_LIST_APPEND(tail, vfio_private_kvm_lock(
                         TDI_INTERFACE_KVM_PRIVATE_MMIO, kvm_enabled() &&
                         kvm_private_mmio_serves()));
    QAPI_LIST_APPEND(tail, vfio_private_kvm_lock(
                         TDI_INTERFACE_KVM_TDCM, kvm_enabled() &&
                         kvm_private_has_tdcm()));
    for (i = TDI_INTERFACE_VFIO_PRIVATE; i < TDI_INTERFACE__MAX; i++) {
        QAPI_LIST_APPEND(tail, vfio_private_interface(i, seen[i], missing[i]));
    }
    return caps;
}
