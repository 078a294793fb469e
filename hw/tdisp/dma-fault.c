/*
 * DMA that is refused below the device: by the IOMMU, or by an empty address
 *
 * The gates of gate.c refuse by TDI state, and count that.  What they let pass
 * may still be refused further on, where the device gets an error and no
 * reason.  IOMMU regions of our own sit between the gates and what was the
 * device's view of memory, ask that view for each translation, and record what
 * it refuses:
 *
 *   priority 2   gates                      gate.c
 *            1   these, but for messages
 *            0   bus_master_enable_region   the IOMMU's address space
 *
 * An access of several pages is translated page by page, and what is refused in
 * pieces of a few bytes, so a count says that something was refused, not how
 * often, and the page is all that is known of where.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "hw/pci/pci.h"
#include "interface.h"
#include "trace.h"

#define TYPE_TDISP_DMA_VIEW "tdisp-dma-view"
DECLARE_INSTANCE_CHECKER(TdispDmaView, TDISP_DMA_VIEW, TYPE_TDISP_DMA_VIEW)

static void tdisp_dma_fault(TdispInterface *t, uint64_t iova, bool write)
{
    t->dma_faults++;
    t->dma_fault_iova = iova & ~(uint64_t)(TDISP_PAGE_SIZE - 1);
    t->dma_fault_write = write;
    trace_tdisp_dma_fault(t->dev->name, iova, write ? "write" : "read",
                          tdisp_state_name(t->responder.state));
}

static IOMMUTLBEntry tdisp_dma_translate(IOMMUMemoryRegion *mr, hwaddr addr,
                                         IOMMUAccessFlags flag, int index)
{
    TdispDmaView *view = TDISP_DMA_VIEW(mr);
    PCIDevice *dev = view->tdi->dev;
    uint64_t iova = view->base + addr;
    IOMMUTLBEntry entry = { };

    /* Without bus mastering nothing gets as far as the IOMMU. */
    if (dev && dev->is_master) {
        entry = address_space_get_iotlb_entry(
            pci_device_iommu_address_space(dev), iova, flag & IOMMU_WO,
            MEMTXATTRS_UNSPECIFIED);
        if (!entry.perm && flag != IOMMU_NONE) {
            tdisp_dma_fault(view->tdi, iova, flag & IOMMU_WO);
        }
    }
    if (!entry.perm) {
        entry.target_as = &address_space_memory;
        entry.addr_mask = TDISP_PAGE_SIZE - 1;
    }
    entry.iova = addr & ~entry.addr_mask;
    return entry;
}

void tdisp_dma_view_init(TdispInterface *t, int i, uint64_t base, uint64_t size)
{
    TdispDmaView *view = &t->dma_views[i];

    memory_region_init_iommu(view, sizeof(*view), TYPE_TDISP_DMA_VIEW,
                             OBJECT(t), "tdisp-dma-view", size);
    view->tdi = t;
    view->base = base;
    memory_region_add_subregion_overlap(&t->dev->bus_master_container_region,
                                        base, MEMORY_REGION(view), 1);
}

void tdisp_dma_view_exit(TdispInterface *t, int i)
{
    TdispDmaView *view = &t->dma_views[i];

    if (view->tdi && memory_region_is_mapped(MEMORY_REGION(view))) {
        memory_region_del_subregion(&t->dev->bus_master_container_region,
                                    MEMORY_REGION(view));
    }
}

static void tdisp_dma_view_class_init(ObjectClass *oc, const void *data)
{
    IOMMU_MEMORY_REGION_CLASS(oc)->translate = tdisp_dma_translate;
}

static const TypeInfo tdisp_dma_view_info = {
    .name = TYPE_TDISP_DMA_VIEW,
    .parent = TYPE_IOMMU_MEMORY_REGION,
    .instance_size = sizeof(TdispDmaView),
    .class_init = tdisp_dma_view_class_init,
};

static void tdisp_dma_view_register(void)
{
    type_register_static(&tdisp_dma_view_info);
}

type_init(tdisp_dma_view_register)
