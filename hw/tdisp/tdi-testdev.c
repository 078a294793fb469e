/*
 * tdi-testdev: a PCIe endpoint that exercises every part of TDISP
 *
 *   BAR 0  0x00000  registers          TEE
 *          0x10000  open registers     NON_TEE, read-only
 *          0x20000  MSI-X table        one page, nothing else on it
 *          0x30000  MSI-X PBA          one page, nothing else on it
 *   BAR 2           memory, sparse     TEE, prefetchable
 *
 * A physical function and its VFs are the same device; each is a TDI of its
 * own.  docs/specs/tdi-testdev.rst is the manual.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "migration/vmstate.h"
#include "system/ramblock.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_sriov.h"
#include "hw/qdev-properties.h"
#include "tdi-testdev-int.h"
#include "interface.h"

#define TYPE_TDI_TESTDEV_PF "tdi-testdev"
#define TYPE_TDI_TESTDEV_VF "tdi-testdev-vf"

#define PM_OFFSET       0x60
#define EXP_OFFSET      0x80
#define ARI_OFFSET      0x100
#define SRIOV_OFFSET    0x120
#define DOE_OFFSET      0x180
#define VF_OFFSET       1
#define VF_STRIDE       1
#define MEM_SIZE_MAX    (64 * GiB)

#define MEM_BAR_TYPE    (PCI_BASE_ADDRESS_MEM_TYPE_64 | \
                         PCI_BASE_ADDRESS_MEM_PREFETCH)

static uint64_t tdi_testdev_read(void *opaque, hwaddr addr, unsigned size)
{
    TdiTestdev *s = opaque;
    PCIDevice *dev = PCI_DEVICE(s);

    switch (addr) {
    case TDI_TESTDEV_ID:
        return TDI_TESTDEV_ID_VALUE;
    case TDI_TESTDEV_VERSION:
        return TDI_TESTDEV_VERSION_VALUE;
    case TDI_TESTDEV_SCRATCH:
        return s->scratch;
    case TDI_TESTDEV_FUNCTION:
        return pci_is_vf(dev) ? pcie_sriov_vf_number(dev) + 1 : 0;
    case TDI_TESTDEV_MEM_SIZE_LO:
        return extract64(s->memsize, 0, 32);
    case TDI_TESTDEV_MEM_SIZE_HI:
        return extract64(s->memsize, 32, 32);
    case TDI_TESTDEV_DMA_IOVA_LO:
        return extract64(s->dma_iova, 0, 32);
    case TDI_TESTDEV_DMA_IOVA_HI:
        return extract64(s->dma_iova, 32, 32);
    case TDI_TESTDEV_DMA_OFFSET_LO:
        return extract64(s->dma_offset, 0, 32);
    case TDI_TESTDEV_DMA_OFFSET_HI:
        return extract64(s->dma_offset, 32, 32);
    case TDI_TESTDEV_DMA_LENGTH:
        return s->dma_length;
    case TDI_TESTDEV_DMA_PATTERN:
        return s->dma_pattern;
    case TDI_TESTDEV_DMA_STATUS:
        return s->dma.status;
    case TDI_TESTDEV_DMA_COUNT:
        return s->dma.count;
    case TDI_TESTDEV_IRQ_VECTOR:
        return s->irq_vector;
    case TDI_TESTDEV_IRQ_STATUS:
        return s->irq_status;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: no register to read at 0x%"
                      HWADDR_PRIx "\n", dev->name, addr);
        return 0;
    }
}

static void tdi_testdev_trigger(TdiTestdev *s, uint32_t vector)
{
    PCIDevice *dev = PCI_DEVICE(s);

    if (msix_enabled(dev) && vector < TDI_TESTDEV_NR_VECTORS) {
        msix_notify(dev, vector);
    }
}

static void tdi_testdev_write(void *opaque, hwaddr addr, uint64_t val,
                              unsigned size)
{
    TdiTestdev *s = opaque;

    switch (addr) {
    case TDI_TESTDEV_SCRATCH:
        s->scratch = val;
        break;
    case TDI_TESTDEV_DMA_IOVA_LO:
        s->dma_iova = deposit64(s->dma_iova, 0, 32, val);
        break;
    case TDI_TESTDEV_DMA_IOVA_HI:
        s->dma_iova = deposit64(s->dma_iova, 32, 32, val);
        break;
    case TDI_TESTDEV_DMA_OFFSET_LO:
        s->dma_offset = deposit64(s->dma_offset, 0, 32, val);
        break;
    case TDI_TESTDEV_DMA_OFFSET_HI:
        s->dma_offset = deposit64(s->dma_offset, 32, 32, val);
        break;
    case TDI_TESTDEV_DMA_LENGTH:
        s->dma_length = val;
        break;
    case TDI_TESTDEV_DMA_PATTERN:
        s->dma_pattern = val;
        break;
    case TDI_TESTDEV_DMA_COMMAND:
        tdi_testdev_dma_start(s, val);
        break;
    case TDI_TESTDEV_IRQ_VECTOR:
        s->irq_vector = val;
        break;
    case TDI_TESTDEV_IRQ_STATUS:
        s->irq_status &= ~val;
        break;
    case TDI_TESTDEV_IRQ_TRIGGER:
        tdi_testdev_trigger(s, val);
        break;
    default:
        qemu_log_mask(LOG_GUEST_ERROR, "%s: no register to write at 0x%"
                      HWADDR_PRIx "\n", PCI_DEVICE(s)->name, addr);
        break;
    }
}

static const MemoryRegionOps tdi_testdev_ops = {
    .read = tdi_testdev_read,
    .write = tdi_testdev_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static uint64_t tdi_testdev_open_read(void *opaque, hwaddr addr, unsigned size)
{
    TdiTestdev *s = opaque;
    TdispInterface *t = tdisp_of(PCI_DEVICE(s));

    switch (addr) {
    case TDI_TESTDEV_OPEN_ID:
        return TDI_TESTDEV_ID_VALUE;
    case TDI_TESTDEV_OPEN_STATE:
        return t ? t->responder.state : UINT32_MAX;
    case TDI_TESTDEV_OPEN_REJECT_T0:
        return t ? t->rejected_t0 : 0;
    case TDI_TESTDEV_OPEN_REJECT_T1:
        return t ? t->rejected_t1 : 0;
    case TDI_TESTDEV_OPEN_REJECT_DMA:
        return t ? t->rejected_dma : 0;
    case TDI_TESTDEV_OPEN_ERRORS:
        return t ? t->errors : 0;
    case TDI_TESTDEV_OPEN_DMA_FAULTS:
        return t ? t->dma_faults : 0;
    case TDI_TESTDEV_OPEN_FAULT_LO:
        return t ? extract64(t->dma_fault_iova, 0, 32) : 0;
    case TDI_TESTDEV_OPEN_FAULT_HI:
        return t ? extract64(t->dma_fault_iova, 32, 32) : 0;
    default:
        return 0;
    }
}

static void tdi_testdev_open_write(void *opaque, hwaddr addr, uint64_t val,
                                   unsigned size)
{
    qemu_log_mask(LOG_GUEST_ERROR, "%s: the open part is read-only\n",
                  PCI_DEVICE(opaque)->name);
}

static const MemoryRegionOps tdi_testdev_open_ops = {
    .read = tdi_testdev_open_read,
    .write = tdi_testdev_open_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/* Everything that software put in: registers, and memory back to zero. */
static void tdi_testdev_clear(TdiTestdev *s)
{
    tdi_testdev_dma_abort(s);
    s->scratch = 0;
    s->irq_vector = 0;
    s->irq_status = 0;
    s->dma_iova = 0;
    s->dma_offset = 0;
    s->dma_length = 0;
    s->dma_pattern = 0;
    s->dma.status = TDI_TESTDEV_DMA_IDLE;
    s->dma.count = 0;
    /* It refuses a BAR smaller than the host's page. */
    if (ram_block_discard_range(s->mem.ram_block, 0, s->memsize)) {
        memset(memory_region_get_ram_ptr(&s->mem), 0, s->memsize);
    }
}

static void tdi_testdev_tdisp_abort(PCIDevice *dev)
{
    tdi_testdev_dma_abort(TDI_TESTDEV_BASE(dev));
}

static void tdi_testdev_tdisp_scrub(PCIDevice *dev)
{
    tdi_testdev_clear(TDI_TESTDEV_BASE(dev));
}

static const TdispNonTee tdi_testdev_open[] = {
    { TDI_TESTDEV_REG_BAR, TDI_TESTDEV_OPEN_PART, TDI_TESTDEV_PART_SIZE },
};

static const TdispDesc tdi_testdev_tdisp = {
    .abort = tdi_testdev_tdisp_abort,
    .scrub = tdi_testdev_tdisp_scrub,
    .non_tee = tdi_testdev_open,
    .nr_non_tee = ARRAY_SIZE(tdi_testdev_open),
    .info = "QEMU tdi-testdev",
};

static bool tdi_testdev_init_bars(TdiTestdev *s, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(s);
    Object *owner = OBJECT(s);

    /* NORESERVE: a page costs nothing before it is written. */
    if (!memory_region_init_ram_flags_nomigrate(&s->mem, owner,
                                                "tdi-testdev-mem", s->memsize,
                                                RAM_NORESERVE, errp)) {
        return false;
    }
    memory_region_init(&s->bar0, owner, "tdi-testdev-bar0",
                       TDI_TESTDEV_REG_BAR_SIZE);
    memory_region_init_io(&s->regs_mr, owner, &tdi_testdev_ops, s,
                          "tdi-testdev-regs", TDI_TESTDEV_PART_SIZE);
    memory_region_init_io(&s->open_mr, owner, &tdi_testdev_open_ops, s,
                          "tdi-testdev-open", TDI_TESTDEV_PART_SIZE);
    memory_region_add_subregion(&s->bar0, 0, &s->regs_mr);
    memory_region_add_subregion(&s->bar0, TDI_TESTDEV_OPEN_PART, &s->open_mr);

    pci_register_bar(dev, TDI_TESTDEV_REG_BAR, PCI_BASE_ADDRESS_MEM_TYPE_64,
                     &s->bar0);
    pci_register_bar(dev, TDI_TESTDEV_MEM_BAR, MEM_BAR_TYPE, &s->mem);
    return msix_init(dev, TDI_TESTDEV_NR_VECTORS,
                     &s->bar0, TDI_TESTDEV_REG_BAR, TDI_TESTDEV_MSIX_TABLE,
                     &s->bar0, TDI_TESTDEV_REG_BAR, TDI_TESTDEV_MSIX_PBA,
                     0, errp) == 0;
}

static bool tdi_testdev_init_caps(PCIDevice *dev, Error **errp)
{
    int ret = pci_pm_init(dev, PM_OFFSET, errp);

    if (ret < 0) {
        return false;
    }
    pci_set_word(dev->config + PM_OFFSET + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
    pci_set_word(dev->config + PM_OFFSET + PCI_PM_CTRL,
                 PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(dev->wmask + PM_OFFSET + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);

    pcie_endpoint_cap_init(dev, EXP_OFFSET);
    if (!pci_is_vf(dev)) {
        /* Something must be first in extended config space. */
        pcie_ari_init(dev, ARI_OFFSET);
    }
    pcie_cap_deverr_init(dev);
    pcie_cap_flr_init(dev);
    /* Writable, because TDISP tracks them. */
    pci_long_test_and_set_mask(dev->config + EXP_OFFSET + PCI_EXP_DEVCAP,
                               PCI_EXP_DEVCAP_EXT_TAG);
    pci_word_test_and_set_mask(dev->wmask + EXP_OFFSET + PCI_EXP_DEVCTL,
                               PCI_EXP_DEVCTL_EXT_TAG |
                               PCI_EXP_DEVCTL_NOSNOOP_EN);
    return true;
}

static bool tdi_testdev_init_sriov(TdiTestdev *s, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(s);

    if (!s->num_vfs) {
        return true;
    }
    if (!pcie_sriov_pf_init(dev, SRIOV_OFFSET, TYPE_TDI_TESTDEV_VF,
                            TDI_TESTDEV_VF_DEVICE_ID, s->num_vfs, s->num_vfs,
                            VF_OFFSET, VF_STRIDE, errp)) {
        return false;
    }
    pcie_sriov_pf_init_vf_bar(dev, TDI_TESTDEV_REG_BAR,
                              PCI_BASE_ADDRESS_MEM_TYPE_64,
                              TDI_TESTDEV_REG_BAR_SIZE);
    pcie_sriov_pf_init_vf_bar(dev, TDI_TESTDEV_MEM_BAR, MEM_BAR_TYPE,
                              s->vf_memsize);
    return true;
}

static bool tdi_testdev_size_ok(const char *name, uint64_t size, Error **errp)
{
    if (is_power_of_2(size) && size >= TDISP_PAGE_SIZE &&
        size <= MEM_SIZE_MAX) {
        return true;
    }
    error_setg(errp, "%s 0x%" PRIx64 " is not a power of two from 4 KiB to "
               "64 GiB", name, size);
    return false;
}

static bool tdi_testdev_check_props(TdiTestdev *s, Error **errp)
{
    if (s->num_vfs > TDI_TESTDEV_MAX_VFS) {
        error_setg(errp, "sriov-vfs %u is more than %d", s->num_vfs,
                   TDI_TESTDEV_MAX_VFS);
        return false;
    }
    return tdi_testdev_size_ok("memsize", s->memsize, errp) &&
           tdi_testdev_size_ok("vf-memsize", s->vf_memsize, errp);
}

static void tdi_testdev_exit(PCIDevice *dev)
{
    TdiTestdev *s = TDI_TESTDEV_BASE(dev);

    pcie_sriov_pf_exit(dev);
    tdisp_exit(dev);
    tdi_testdev_dma_exit(s);
    if (msix_present(dev)) {
        msix_uninit(dev, &s->bar0, &s->bar0);
    }
    if (dev->exp.exp_cap) {
        pcie_cap_exit(dev);
    }
}

static bool tdi_testdev_init(TdiTestdev *s, Error **errp)
{
    PCIDevice *dev = PCI_DEVICE(s);

    tdi_testdev_dma_init(s);
    if (!tdi_testdev_init_caps(dev, errp) || !tdi_testdev_init_bars(s, errp) ||
        !tdisp_init(dev, &s->tdisp, &tdi_testdev_tdisp, DOE_OFFSET, errp) ||
        !tdi_testdev_init_sriov(s, errp)) {
        /* pcie_sriov_pf_init() took its own half back. */
        dev->exp.sriov_cap = 0;
        tdi_testdev_exit(dev);
        return false;
    }
    for (int i = 0; i < TDI_TESTDEV_NR_VECTORS; i++) {
        msix_vector_use(dev, i);
    }
    return true;
}

static void tdi_testdev_pf_realize(PCIDevice *dev, Error **errp)
{
    TdiTestdev *s = TDI_TESTDEV_BASE(dev);

    if (tdi_testdev_check_props(s, errp)) {
        tdi_testdev_init(s, errp);
    }
}

static void tdi_testdev_vf_realize(PCIDevice *dev, Error **errp)
{
    TdiTestdev *s = TDI_TESTDEV_BASE(dev);
    PCIDevice *pf_dev = pcie_sriov_get_pf(dev);
    TdiTestdev *pf;

    if (!pf_dev) {
        error_setg(errp, "a VF needs its physical function: use %s,sriov-vfs=N",
                   TYPE_TDI_TESTDEV_PF);
        return;
    }
    pf = TDI_TESTDEV_BASE(pf_dev);
    s->tdisp = pf->tdisp;
    s->memsize = pf->vf_memsize;
    s->dma_step_us = pf->dma_step_us;
    tdi_testdev_init(s, errp);
}

static void tdi_testdev_reset(DeviceState *qdev)
{
    PCIDevice *dev = PCI_DEVICE(qdev);

    pcie_sriov_pf_reset(dev);
    tdisp_reset(dev);
    tdi_testdev_clear(TDI_TESTDEV_BASE(dev));
}

static void tdi_testdev_config_write(PCIDevice *dev, uint32_t addr,
                                     uint32_t val, int len)
{
    pci_default_write_config(dev, addr, val, len);
    pcie_cap_flr_write_config(dev, addr, val, len);
}

static const Property tdi_testdev_pf_props[] = {
    DEFINE_PROP_SIZE("memsize", TdiTestdev, memsize, 1 * MiB),
    DEFINE_PROP_SIZE("vf-memsize", TdiTestdev, vf_memsize, 1 * MiB),
    DEFINE_PROP_UINT16("sriov-vfs", TdiTestdev, num_vfs, 0),
    DEFINE_PROP_UINT32("dma-step-us", TdiTestdev, dma_step_us, 0),
    DEFINE_PROP_BOOL("tdisp", TdiTestdev, tdisp.enabled, false),
    DEFINE_PROP_BOOL("x-tdisp-clear", TdiTestdev, tdisp.clear, false),
};

static const VMStateDescription tdi_testdev_vmstate = {
    .name = "tdi-testdev",
    .unmigratable = 1,
};

static void tdi_testdev_class_init(ObjectClass *oc, const void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);

    pc->exit = tdi_testdev_exit;
    pc->config_write = tdi_testdev_config_write;
    pc->vendor_id = TDI_TESTDEV_VENDOR_ID;
    pc->device_id = TDI_TESTDEV_DEVICE_ID;
    pc->class_id = PCI_CLASS_OTHERS;
    dc->vmsd = &tdi_testdev_vmstate;
    device_class_set_legacy_reset(dc, tdi_testdev_reset);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void tdi_testdev_pf_class_init(ObjectClass *oc, const void *data)
{
    PCI_DEVICE_CLASS(oc)->realize = tdi_testdev_pf_realize;
    DEVICE_CLASS(oc)->desc = "TDISP test device";
    device_class_set_props(DEVICE_CLASS(oc), tdi_testdev_pf_props);
    tdisp_class_init(oc);
    object_class_property_set_description(oc, "memsize",
        "Size of BAR 2, a power of two from 4 KiB to 64 GiB; costs nothing "
        "until touched");
    object_class_property_set_description(oc, "vf-memsize",
        "Size of BAR 2 of each VF, as memsize");
    object_class_property_set_description(oc, "sriov-vfs",
        "Number of VFs, 0 to 7");
    object_class_property_set_description(oc, "dma-step-us",
        "Virtual time between two steps of 64 KiB of a DMA transfer, so that "
        "a test can interrupt one");
}

static void tdi_testdev_vf_class_init(ObjectClass *oc, const void *data)
{
    PCI_DEVICE_CLASS(oc)->realize = tdi_testdev_vf_realize;
    DEVICE_CLASS(oc)->desc = "TDISP test device, virtual function";
    DEVICE_CLASS(oc)->user_creatable = false;
}

static const TypeInfo tdi_testdev_types[] = {
    {
        .name = TYPE_TDI_TESTDEV_BASE,
        .parent = TYPE_PCI_DEVICE,
        .abstract = true,
        .instance_size = sizeof(TdiTestdev),
        .class_init = tdi_testdev_class_init,
        .interfaces = (const InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    }, {
        .name = TYPE_TDI_TESTDEV_PF,
        .parent = TYPE_TDI_TESTDEV_BASE,
        .class_init = tdi_testdev_pf_class_init,
    }, {
        .name = TYPE_TDI_TESTDEV_VF,
        .parent = TYPE_TDI_TESTDEV_BASE,
        .class_init = tdi_testdev_vf_class_init,
    },
};

DEFINE_TYPES(tdi_testdev_types)
