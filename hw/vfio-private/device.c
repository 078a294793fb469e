/*
 * Private device assignment: the vfio-pci side
 *
 * With private=on, or fd-bars=on for an ordinary VM, QEMU never maps, reads or
 * writes a memory BAR.  Each BAR is cut into slices around the MSI-X table
 * and PBA; a slice becomes a device-fd region that KVM and iommufd map from
 * a dma-buf, and the pages between slices are emulated here without the
 * device.  The kernel enforces this with VFIO_DEVICE_BIND_FLAG_PRIVATE.
 *
 * All that the feature excludes is refused in check.c before the device is
 * opened, or by what needs to know the device soon after.  Nothing degrades to
 * the ordinary BARs.
 *
 * This file, check.c and device-tdi.c are the only ones of the folder that know
 * VFIOPCIDevice.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <linux/vfio-private.h>

#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/vfio/pci.h"
#include "hw/vfio-private/hooks.h"
#include "migration/blocker.h"
#include "system/kvm-private.h"
#include "device-int.h"
#include "trace.h"

bool vfio_private_enabled(VFIOPCIDevice *vdev)
{
    return vdev->private_bars || vdev->fd_bars;
}

const char *vfio_private_property(VFIOPCIDevice *vdev)
{
    return vdev->private_bars ? "private=on" : "fd-bars=on";
}

void vfio_private_class_init(ObjectClass *klass)
{
    object_class_property_set_description(klass, "private",
        "Keep the memory BARs away from QEMU and let the confidential guest "
        "turn them private (needs iommufd, KVM and a patched kernel)");
    object_class_property_set_description(klass, "fd-bars",
        "Keep the memory BARs away from QEMU and give them to KVM and the "
        "IOMMU as file descriptors; any VM, no conversion (needs iommufd, KVM "
        "and a patched kernel)");
    vfio_private_tdi_class_init(klass);
}

/*
 * BARs
 */

static bool vfio_private_in_pba(VFIOPCIDevice *vdev, int bar, hwaddr addr,
                                unsigned size)
{
    uint64_t pba_size;

    if (!vdev->msix || vdev->msix->pba_bar != bar) {
        return false;
    }
    pba_size = QEMU_ALIGN_UP(vdev->msix->entries, 64) / 8;
    return addr >= vdev->msix->pba_offset &&
           addr + size <= vdev->msix->pba_offset + pba_size;
}

/*
 * What is left of the pages of the MSI-X table and PBA.  Registers that a
 * device keeps there cannot be reached.  VFIO switches its PBA region off
 * while no vector is pending and lets the guest read the device instead; here
 * the emulated PBA answers.
 */
static uint64_t vfio_private_base_read(void *opaque, hwaddr addr,
                                       unsigned size)
{
    VFIORegion *region = opaque;
    VFIOPCIDevice *vdev = vfio_pci_from_vfio_device(region->vbasedev);
    uint64_t data = UINT64_MAX;

    trace_vfio_private_base_access(region->vbasedev->name, region->nr, "read",
                                   addr, size);
    if (vfio_private_in_pba(vdev, region->nr, addr, size)) {
        memory_region_dispatch_read(&PCI_DEVICE(vdev)->msix_pba_mmio,
                                    addr - vdev->msix->pba_offset, &data,
                                    size_memop(size) | MO_LE,
                                    MEMTXATTRS_UNSPECIFIED);
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: BAR %d: read at 0x%"
                      HWADDR_PRIx " beside MSI-X\n", region->vbasedev->name,
                      region->nr, addr);
    }
    return data;
}

static void vfio_private_base_write(void *opaque, hwaddr addr, uint64_t data,
                                    unsigned size)
{
    VFIORegion *region = opaque;

    trace_vfio_private_base_access(region->vbasedev->name, region->nr, "write",
                                   addr, size);
    qemu_log_mask(LOG_GUEST_ERROR, "vfio %s: BAR %d: write at 0x%"
                  HWADDR_PRIx " beside MSI-X\n", region->vbasedev->name,
                  region->nr, addr);
}

static const MemoryRegionOps vfio_private_base_ops = {
    .read = vfio_private_base_read,
    .write = vfio_private_base_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid.min_access_size = 1,
    .valid.max_access_size = 8,
    .impl.min_access_size = 1,
    .impl.max_access_size = 8,
};

const MemoryRegionOps *vfio_private_region_ops(uint32_t flags)
{
    return flags & VFIO_REGION_INFO_FLAG_PRIVATE ? &vfio_private_base_ops
                                                 : NULL;
}

static bool vfio_private_check_bar(VFIOPCIDevice *vdev, int nr, Error **errp)
{
    VFIORegion *region = &vdev->bars[nr].region;
    uint64_t page_size = qemu_real_host_page_size();
    const char *reason;

    if (region->size < page_size) {
        reason = "it is smaller than a page";
    } else if (!(region->flags & VFIO_REGION_INFO_FLAG_PRIVATE)) {
        reason = "the kernel cannot export it";
    } else if (region->size & (page_size - 1)) {
        reason = "its size is not a multiple of the page size";
    } else {
        return true;
    }
    error_setg(errp, "BAR %d (0x%zx bytes) does not work with %s: %s; remove "
               "the property", nr, region->size, vfio_private_property(vdev),
               reason);
    return false;
}

static bool vfio_private_bar_slices(VFIOPCIDevice *vdev, int nr, Error **errp)
{
    VFIORegion *region = &vdev->bars[nr].region;
    VFIOPrivateRange slices[VFIO_PRIVATE_MAX_SLICES], cuts[2] = {};
    VFIOMSIXInfo *msix = vdev->msix;
    VFIOPrivateSlice *slice;
    int i, nr_slices;

    if (msix && msix->table_bar == nr) {
        cuts[0].offset = msix->table_offset;
        cuts[0].size = msix->entries * PCI_MSIX_ENTRY_SIZE;
    }
    if (msix && msix->pba_bar == nr) {
        cuts[1].offset = msix->pba_offset;
        cuts[1].size = QEMU_ALIGN_UP(msix->entries, 64) / 8;
    }
    /* It passes reads on to the PBA, which is of the same device. */
    region->mem->disable_reentrancy_guard = true;
    nr_slices = vfio_private_slice_bar(region->size,
                                       qemu_real_host_page_size(), cuts,
                                       ARRAY_SIZE(cuts), slices);
    trace_vfio_private_bar(vdev->vbasedev.name, nr, region->size, nr_slices);

    for (i = 0; i < nr_slices; i++) {
        slice = vfio_private_slice_new(region, &slices[i], errp);
        if (!slice) {
            return false;
        }
        g_ptr_array_add(vdev->private_dev->slices, slice);
    }
    return true;
}

bool vfio_private_bars_setup(VFIOPCIDevice *vdev, Error **errp)
{
    GPtrArray *slices;
    int i;

    if (!vfio_private_enabled(vdev)) {
        return true;
    }
    vfio_private_seen(TDI_INTERFACE_VFIO_PRIVATE, true);
    vdev->private_dev = g_new0(struct VFIOPrivateDevice, 1);
    slices = g_ptr_array_new_with_free_func(
        (GDestroyNotify)vfio_private_slice_free);
    vdev->private_dev->slices = slices;
    error_setg(&vdev->private_dev->blocker,
               "vfio %s: a device with %s cannot be migrated or saved",
               vdev->vbasedev.name, vfio_private_property(vdev));
    if (migrate_add_blocker(&vdev->private_dev->blocker, errp) < 0) {
        return false;
    }
    for (i = 0; i < PCI_ROM_SLOT; i++) {
        VFIOBAR *bar = &vdev->bars[i];

        if (!bar->region.size || bar->ioport) {
            continue;
        }
        if (!vfio_private_check_bar(vdev, i, errp) ||
            !vfio_private_bar_slices(vdev, i, errp)) {
            return false;
        }
    }

    /* Nothing can fail from here on. */
    for (i = 0; i < slices->len; i++) {
        vfio_private_slice_map(vfio_private_slice(vdev, i), OBJECT(vdev),
                               vdev->private_bars &&
                               kvm_private_mmio_serves());
    }
    if (vdev->private_bars) {
        vfio_private_tdi_setup(vdev);
    }
    return true;
}

void vfio_private_bars_exit(VFIOPCIDevice *vdev)
{
    int i;

    if (!vdev->private_dev) {
        return;
    }
    vfio_private_tdi_exit(vdev);
    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        VFIOPrivateSlice *slice = vfio_private_slice(vdev, i);

        vfio_private_slice_unmap(slice);
        /* No vCPU waits for it any more. */
        slice->region.guard = NULL;
    }
}

void vfio_private_finalize(VFIOPCIDevice *vdev)
{
    if (!vdev->private_dev) {
        return;
    }
    vfio_private_tdi_finalize(vdev);
    g_ptr_array_free(vdev->private_dev->slices, true);
    migrate_del_blocker(&vdev->private_dev->blocker);
    g_clear_pointer(&vdev->private_dev, g_free);
}

/*
 * Config space
 */

static bool vfio_private_is_flr(VFIOPCIDevice *vdev, uint32_t addr,
                                uint32_t val, int len)
{
    PCIDevice *pdev = PCI_DEVICE(vdev);
    uint32_t exp = pdev->exp.exp_cap + PCI_EXP_DEVCTL + 1;
    uint8_t af = pci_find_capability(pdev, PCI_CAP_ID_AF);
    uint64_t bytes = val;

    if (pdev->exp.exp_cap && range_covers_byte(addr, len, exp) &&
        (bytes >> (8 * (exp - addr))) & (PCI_EXP_DEVCTL_BCR_FLR >> 8)) {
        return true;
    }
    af = af ? af + PCI_AF_CTRL : 0;
    return af && range_covers_byte(addr, len, af) &&
           (bytes >> (8 * (af - addr))) & PCI_AF_CTRL_FLR;
}

void vfio_private_config_written(VFIOPCIDevice *vdev, uint32_t addr,
                                 uint32_t val, int len)
{
    int i;

    /* Memory decode and power states are seen by the memory listeners. */
    if (!vdev->private_dev || !vfio_private_is_flr(vdev, addr, val, len)) {
        return;
    }
    trace_vfio_private_refresh(vdev->vbasedev.name, addr, val);
    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        device_fd_region_refresh(&vfio_private_slice(vdev, i)->region);
    }
}

/*
 * What the monitor is told
 */

static TDIAttribute vfio_private_attribute(VFIOPrivateSlice *slice)
{
    DeviceFdState *state = &slice->region.state;

    if (!device_fd_state_any(state, 0, state->size, true)) {
        return TDI_ATTRIBUTE_SHARED;
    }
    return device_fd_state_any(state, 0, state->size, false) ?
           TDI_ATTRIBUTE_MIXED : TDI_ATTRIBUTE_PRIVATE;
}

static TDISlice *vfio_private_slice_info(VFIOPCIDevice *vdev,
                                         VFIOPrivateSlice *slice)
{
    pcibus_t bar = pci_get_bar_addr(PCI_DEVICE(vdev), slice->bar->nr);
    TDISlice *info = g_new0(TDISlice, 1);

    info->bar = slice->bar->nr;
    info->offset = slice->range.offset;
    info->size = slice->range.size;
    info->attribute = vfio_private_attribute(slice);
    info->has_address = bar != PCI_BAR_UNMAPPED;
    info->address = info->has_address ? bar + slice->range.offset : 0;
    info->kvm = slice->region.slot_bytes == slice->range.size;
    info->dma = vfio_private_dma_mapped(&slice->region);
    return info;
}

void vfio_private_describe(void *opaque, TDIInfo *info)
{
    VFIOPCIDevice *vdev = opaque;
    TDISliceList **tail = &info->slices;
    int i;

    info->host = g_strdup(vdev->vbasedev.name);
    for (i = 0; i < vdev->private_dev->slices->len; i++) {
        VFIOPrivateSlice *slice = vfio_private_slice(vdev, i);

        QAPI_LIST_APPEND(tail, vfio_private_slice_info(vdev, slice));
        info->conversions += slice->region.state.conversions;
    }
}
