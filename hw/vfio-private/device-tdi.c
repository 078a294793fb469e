/*
 * Private device assignment: a vfio-pci device that can be a TDI
 *
 * Joins the binding, which knows the rules, to the device: where its MMIO is,
 * what it is called in the guest, and what must not happen to it while it is
 * bound.  All ways to take the device or its MMIO away are under "Resets and
 * configuration" in docs/devel/vfio-private.rst; each ends here or in ends.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"

#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/log.h"
#include "hw/boards.h"
#include "hw/pci/pci.h"
#include "hw/tdisp/tdisp.h"
#include "hw/vfio-private/hooks.h"
#include "system/confidential-guest-support.h"
#include "system/kvm-private.h"
#include "device-int.h"
#include "freeze.h"
#include "request.h"
#include "tsm-arch.h"
#include "trace.h"

/*
 * What the binding needs of the device
 */

static uint32_t vfio_private_rid(void *opaque)
{
    return pci_get_bdf(PCI_DEVICE(opaque));
}

/*
 * VFIO loads the ROM when the guest first reads it, and cannot do so while the
 * device is bound.  Where the guest has its ROM off it cannot turn it on then.
 */
static void vfio_private_load_rom(VFIOPCIDevice *vdev)
{
    PCIDevice *pdev = PCI_DEVICE(vdev);
    uint32_t rom = pci_get_long(pdev->config + PCI_ROM_ADDRESS);
    uint64_t first;

    if ((rom & PCI_ROM_ADDRESS_ENABLE) && !pdev->has_rom &&
        pdev->io_regions[PCI_ROM_SLOT].size) {
        memory_region_dispatch_read(&pdev->rom, 0, &first, MO_8,
                                    MEMTXATTRS_UNSPECIFIED);
    }
}

static bool vfio_private_make_ready(void *opaque)
{
    VFIOPCIDevice *vdev = opaque;
    uint16_t cmd = pci_get_word(PCI_DEVICE(vdev)->config + PCI_COMMAND);
    int i;

    if ((cmd & PCI_COMMAND_MEMORY) == 0 || (cmd & PCI_COMMAND_MASTER) == 0) {
        return false;
    }
    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        VFIOPrivateSlice *slice = vfio_private_slice(vdev, i);

        if (slice->region.slot_bytes != slice->range.size ||
            device_fd_state_any(&slice->region.state, 0, slice->range.size,
                                true)) {
            return false;
        }
    }
    vfio_private_load_rom(vdev);
    return true;
}

static bool vfio_private_part_private(void *opaque, const TDIReportPart *part)
{
    VFIOPCIDevice *vdev = opaque;
    uint64_t left = part->size;
    int i;

    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        VFIOPrivateSlice *slice = vfio_private_slice(vdev, i);
        uint64_t start = MAX(part->offset, slice->range.offset);
        uint64_t end = MIN(part->offset + part->size,
                           slice->range.offset + slice->range.size);

        if (slice->bar->nr != part->bar || start >= end) {
            continue;
        }
        if (device_fd_state_any(&slice->region.state,
                                start - slice->range.offset, end - start,
                                false)) {
            return false;
        }
        left -= end - start;
    }
    /* A page that QEMU emulates cannot be TEE memory. */
    return !left;
}

static int vfio_private_share_all(void *opaque)
{
    VFIOPCIDevice *vdev = opaque;
    int i, ret = 0;

    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        int err = kvm_private_mmio_share(&vfio_private_slice(vdev, i)->region);

        ret = ret ?: err;
    }
    return ret;
}

static void vfio_private_hide(void *opaque, bool hide)
{
    VFIOPCIDevice *vdev = opaque;
    int i;

    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        DeviceFdRegion *region = &vfio_private_slice(vdev, i)->region;

        region->hidden = hide;
        if (hide) {
            /* What is to come back does so when the region is mapped anew. */
            device_fd_region_refresh(region);
        }
    }
}

/* Let the listeners have another look at it. */
static void vfio_private_remap(void *opaque)
{
    VFIOPCIDevice *vdev = opaque;
    int i;

    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        DeviceFdRegion *region = &vfio_private_slice(vdev, i)->region;

        memory_region_set_enabled(&region->mr, false);
        memory_region_set_enabled(&region->mr, true);
    }
}

static int vfio_private_populate(void *opaque, uint64_t *pos)
{
    VFIOPCIDevice *vdev = opaque;

    return vfio_private_dma_populate(vdev->vbasedev.bcontainer, pos);
}

void vfio_private_dma_appeared(VFIOContainer *bcontainer, uint64_t iova,
                               uint64_t size)
{
    TDIBinding *binding;

    QLIST_FOREACH(binding, &tdi_bindings, next) {
        VFIOPCIDevice *vdev = binding->opaque;

        if (vdev->vbasedev.bcontainer == bcontainer) {
            tdi_binding_appeared(binding, iova, size);
        }
    }
}

static void vfio_private_ref(void *opaque)
{
    object_ref(OBJECT(opaque));
}

static const TDIBindingOps vfio_private_binding_ops = {
    .rid = vfio_private_rid,
    .make_ready = vfio_private_make_ready,
    .part_private = vfio_private_part_private,
    .share_all = vfio_private_share_all,
    .hide = vfio_private_hide,
    .remap = vfio_private_remap,
    .describe = vfio_private_describe,
    .populate = vfio_private_populate,
    .ref = vfio_private_ref,
    .unref = object_unref,
};

TDIBinding *vfio_private_tdi_find(uint32_t rid)
{
    TDIBinding *binding, *found = NULL;

    QLIST_FOREACH(binding, &tdi_bindings, next) {
        if (binding->ops->rid(binding->opaque) != rid) {
            continue;
        }
        if (found) {
            /* Before buses are numbered nobody can tell them apart. */
            return NULL;
        }
        found = binding;
    }
    if (found) {
        found->ops->ref(found->opaque);
    }
    return found;
}

/*
 * What the slices ask
 */

static TDIBinding *vfio_private_region_binding(DeviceFdRegion *region)
{
    VFIOPrivateSlice *slice = container_of(region, VFIOPrivateSlice, region);

    return &vfio_pci_from_vfio_device(slice->bar->vbasedev)
                ->private_dev->binding;
}

static int vfio_private_may_convert(DeviceFdRegion *region, uint64_t offset,
                                    uint64_t size, bool to_private)
{
    VFIOPrivateSlice *slice = container_of(region, VFIOPrivateSlice, region);

    return tdi_binding_may_convert(vfio_private_region_binding(region),
                                   slice->bar->nr,
                                   slice->range.offset + offset, size,
                                   to_private);
}

static void vfio_private_unmapped(DeviceFdRegion *region)
{
    tdi_binding_revoked(vfio_private_region_binding(region), TDI_REASON_GUEST);
}

static bool vfio_private_kept(DeviceFdRegion *region)
{
    return tdi_binding_kept(vfio_private_region_binding(region));
}

static void vfio_private_missed(DeviceFdRegion *region, int cpu_index,
                                hwaddr gpa)
{
    tdi_binding_missed(vfio_private_region_binding(region), cpu_index, gpa);
}

static const DeviceFdGuard vfio_private_guard = {
    .may_convert = vfio_private_may_convert,
    .unmapped = vfio_private_unmapped,
    .kept = vfio_private_kept,
    .missed = vfio_private_missed,
};

/*
 * Reset of the device, unplug
 */

bool vfio_private_prepare_reset(VFIOPCIDevice *vdev)
{
    if (!vdev->private_dev) {
        return true;
    }
    tdi_binding_revoked(&vdev->private_dev->binding, TDI_REASON_GUEST);
    return !tdi_binding_frozen(&vdev->private_dev->binding);
}

/*
 * Methods
 */

static DeviceUnrealize vfio_private_parent_unrealize;

/* The parent takes the BARs away before it calls the exit method. */
static void vfio_private_unrealize(DeviceState *dev)
{
    VFIOPCIDevice *vdev = VFIO_PCI_DEVICE(dev);

    if (vdev->private_dev) {
        tdi_binding_force(&vdev->private_dev->binding, TDI_REASON_UNPLUG);
    }
    vfio_private_parent_unrealize(dev);
}

static void vfio_private_write_config(PCIDevice *pdev, uint32_t addr,
                                      uint32_t val, int len)
{
    VFIOPCIDevice *vdev = VFIO_PCI_DEVICE(pdev);
    struct VFIOPrivateDevice *priv = vdev->private_dev;
    uint32_t now, allowed;

    if (!priv || !tdi_binding_frozen(&priv->binding)) {
        vfio_pci_write_config(pdev, addr, val, len);
        return;
    }
    now = vfio_pci_read_config(pdev, addr, len);
    if (vfio_private_freeze_blind(priv->frozen, addr, now, len)) {
        trace_vfio_private_frozen(vdev->vbasedev.name, addr, val);
        return;
    }
    allowed = vfio_private_freeze(priv->frozen, addr, now, val, len);
    if (allowed != val) {
        trace_vfio_private_frozen(vdev->vbasedev.name, addr, val);
        qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: write of 0x%x to config "
                      "0x%x becomes 0x%x, the device is bound as a TDI\n",
                      vdev->vbasedev.name, val, addr, allowed);
    }
    vfio_private_freeze_write(priv->frozen, addr, allowed, len,
                              vfio_pci_write_config, pdev);
}

void vfio_private_tdi_class_init(ObjectClass *klass)
{
    PCIDeviceClass *pdc = PCI_DEVICE_CLASS(klass);

    device_class_set_parent_unrealize(DEVICE_CLASS(klass),
                                      vfio_private_unrealize,
                                      &vfio_private_parent_unrealize);
    pdc->config_write = vfio_private_write_config;
}

/*
 * Setup and exit
 */

static bool vfio_private_tee_io(PCIDevice *pdev)
{
    uint8_t exp = pci_find_capability(pdev, PCI_CAP_ID_EXP);

    return exp && (pci_get_long(pdev->config + exp + PCI_EXP_DEVCAP) &
                   TDISP_PCI_EXP_DEVCAP_TEE_IO);
}

void vfio_private_tdi_setup(VFIOPCIDevice *vdev)
{
    struct VFIOPrivateDevice *priv = vdev->private_dev;
    PCIDevice *pdev = PCI_DEVICE(vdev);
    uint32_t config_size = pci_config_size(pdev);
    const char *no_lock = vfio_private_no_lock();
    TSMContext *ctx = NULL;
    int i;

    priv->frozen = g_malloc0(config_size);
    vfio_private_freeze_init(pdev->config, config_size, priv->frozen);

    if (no_lock) {
        warn_report_once("vfio %s: private=on, but nothing can lock the "
                         "device: %s", vdev->vbasedev.name, no_lock);
    } else {
        ctx = tsm_iommufd_new(&vdev->vbasedev, vfio_private_tee_io(pdev),
                              tsm_arch(OBJECT(current_machine->cgs)),
                              vfio_private_rid(vdev));
        vfio_private_seen(TDI_INTERFACE_IOMMUFD_TSM, ctx);
    }
    tdi_binding_init(&priv->binding, vdev->vbasedev.name,
                     &vfio_private_binding_ops, vdev,
                     ctx ? &tsm_iommufd_ops : NULL, ctx);
    priv->binding.id = DEVICE(vdev)->id;
    priv->binding.path = object_get_canonical_path(OBJECT(vdev));
    priv->binding.no_lock = no_lock;
    priv->binding.has_dma = ctx &&
        vfio_private_dma_supported(vdev->vbasedev.bcontainer);
    for (i = 0; i < TDI_REPORT_NR_BARS; i++) {
        priv->binding.bar_sizes[i] = vdev->bars[i].ioport ? 0 :
                                     vdev->bars[i].region.size;
    }
    QLIST_INSERT_HEAD(&tdi_bindings, &priv->binding, next);
    if (ctx) {
        vfio_private_seen(TDI_INTERFACE_IOMMUFD_EVENTS,
                          tsm_iommufd_listen(ctx, &priv->binding));
    }

    for (i = 0; i < priv->slices->len; i++) {
        vfio_private_slice(vdev, i)->region.guard = &vfio_private_guard;
    }
    tdi_ends_register();
}

void vfio_private_tdi_exit(VFIOPCIDevice *vdev)
{
    struct VFIOPrivateDevice *priv = vdev->private_dev;

    QLIST_SAFE_REMOVE(&priv->binding, next);
    tdi_binding_abandon(&priv->binding);
    /* With the vDEVICE goes whatever of the binding may be left. */
    if (priv->binding.tsm) {
        /* Not while the TSM is at work. */
        WITH_QEMU_LOCK_GUARD(&priv->binding.lock) {
            tsm_iommufd_free(g_steal_pointer(&priv->binding.ctx));
        }
        priv->binding.tsm = NULL;
    }
}

void vfio_private_tdi_finalize(VFIOPCIDevice *vdev)
{
    struct VFIOPrivateDevice *priv = vdev->private_dev;

    if (priv->binding.ops) {
        tdi_binding_destroy(&priv->binding);
    }
    g_clear_pointer(&priv->frozen, g_free);
}
