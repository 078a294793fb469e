/*
 * A TEE device interface of an emulated PCIe function (folder internal)
 *
 *   interface.c  the QOM object, life cycle, responder ops, report
 *   config.c     what config space says about LOCK, and what breaks it
 *   doe.c        DOE mailbox and TDISP in the clear
 *   gate.c       which MMIO and DMA passes in which state
 *   dma-fault.c  DMA that the IOMMU refuses
 *   dma-map.c    what the IOMMU maps
 *   knobs.c      properties: state, counters, faults
 *   t-bit.c      whether a CPU access carries T=1
 *
 * One object per function, child "tdi" of its device.  The BQL guards it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_TDISP_INTERFACE_H
#define HW_TDISP_INTERFACE_H

#include "qemu/timer.h"
#include "qom/object.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pcie_doe.h"
#include "hooks.h"
#include "responder.h"

#define TYPE_TDISP_INTERFACE "tdisp-interface"
OBJECT_DECLARE_SIMPLE_TYPE(TdispInterface, TDISP_INTERFACE)

#define TDISP_PAGE_SIZE         (1u << TDISP_REPORT_PAGE_SHIFT)
#define TDISP_NR_BARS           PCI_ROM_SLOT
/* Holes in one BAR: MSI-X table, PBA, and what the device leaves open. */
#define TDISP_MAX_CUTS          6
#define TDISP_MAX_RANGES        (2 * TDISP_MAX_CUTS + 1)
#define TDISP_NR_DMA_GATES      2

/* A page-aligned part of a BAR with one kind of access. */
typedef struct TdispRange {
    TdispInterface *tdi;
    uint8_t bar;
    uint16_t attributes;        /* TDISP_RANGE_*, as if MSI-X were locked */
    uint64_t offset;
    uint64_t size;
    MemoryRegion gate;          /* covers the range while the TDI is locked */
} TdispRange;

/*
 * What stands where the device's BAR was:
 *
 *   outer   gate, gate, ...    priority 1, enabled by state
 *           alias of the BAR   priority 0
 *   inner   alias of the BAR   where an accepted access goes on
 */
typedef struct TdispBar {
    MemoryRegion *bar;          /* the device's own, NULL if none */
    MemoryRegion outer;
    MemoryRegion outer_alias;
    MemoryRegion inner;
    MemoryRegion inner_alias;
    AddressSpace inner_as;
    TdispRange ranges[TDISP_MAX_RANGES];
    unsigned int nr_ranges;
} TdispBar;

typedef struct TdispDmaGate {
    TdispInterface *tdi;
    uint64_t base;
    MemoryRegion mr;
} TdispDmaGate;

/* Passes DMA on to where it went before, see dma-fault.c. */
typedef struct TdispDmaView {
    IOMMUMemoryRegion parent_obj;
    TdispInterface *tdi;
    uint64_t base;
} TdispDmaView;

struct TdispInterface {
    Object parent_obj;

    PCIDevice *dev;             /* NULL once taken apart */
    const TdispDesc *desc;
    TdispResponder responder;
    uint16_t locked_rid;        /* requester ID at LOCK */

    PCIConfigReadFunc *config_read;     /* the device's own */
    PCIConfigWriteFunc *config_write;
    unsigned int config_depth;  /* > 0: a reset comes from a config write */

    DOECap *doe;                /* NULL on VFs and with an external responder */
    QEMUTimer *doe_timer;       /* a delayed answer */
    bool doe_pending;

    TdispBar bars[TDISP_NR_BARS];
    TdispDmaGate dma_gates[TDISP_NR_DMA_GATES];
    TdispDmaView dma_views[TDISP_NR_DMA_GATES];

    /* properties */
    bool assume_t;
    bool ide_lost;
    uint32_t delay_ms;
    uint64_t rejected_t0;
    uint64_t rejected_t1;
    uint64_t rejected_dma;
    uint64_t errors;
    uint64_t dma_faults;
    uint64_t dma_fault_iova;    /* page of the last one */
    bool dma_fault_write;
    uint64_t map_first;         /* what "dma-map" shows */
    uint64_t map_size;
    const char *reason;         /* of the last state change */
};

/*
 * What all need is here, so that calls go one way: from interface.c to the
 * others, from config.c to doe.c, from there to spdm-clear.c, from gate.c
 * to ranges.c.
 */

/* Not "tdisp": that is the property which asks for it. */
#define TDISP_CHILD "tdi"

/* NULL if @dev is no TDI. */
static inline TdispInterface *tdisp_of(PCIDevice *dev)
{
    Object *child = object_resolve_path_component(OBJECT(dev), TDISP_CHILD);

    return (TdispInterface *)object_dynamic_cast(child, TYPE_TDISP_INTERFACE);
}

/* A TDI whose requester ID has changed since LOCK goes to ERROR. */
static inline void tdisp_check_rid(TdispInterface *t)
{
    if (tdisp_responder_is_locked(&t->responder) &&
        pci_get_bdf(t->dev) != t->locked_rid) {
        tdisp_responder_error(&t->responder, "requester ID changed");
    }
}

/* config.c */
void tdisp_config_write(PCIDevice *dev, uint32_t addr, uint32_t val, int len);
uint32_t tdisp_config_read(PCIDevice *dev, uint32_t addr, int len);
/* 0, or the TDISP_ERR_* that LOCK answers for the present configuration */
uint32_t tdisp_config_check_lock(TdispInterface *t, const TdispLock *lock);
/* Address of a memory BAR as config space has it, decoding enabled or not. */
uint64_t tdisp_bar_address(PCIDevice *dev, int bar);

/* doe.c */
void tdisp_doe_init(TdispInterface *t, uint16_t offset);
void tdisp_doe_exit(TdispInterface *t);
void tdisp_doe_abort(TdispInterface *t);
bool tdisp_doe_read(TdispInterface *t, uint32_t addr, int len, uint32_t *val);
/* True if the write was for the mailbox. */
bool tdisp_doe_write(TdispInterface *t, uint32_t addr, uint32_t val, int len);

/* spdm-clear.c: @len bytes of SPDM in, answer in @rsp; returns its length */
size_t tdisp_spdm_respond(TdispInterface *t, const uint8_t *req, size_t len,
                          uint8_t *rsp);
#define TDISP_SPDM_RESPONSE_MAX \
    (sizeof(TdispSpdmVendorMsg) + TDISP_RESPONSE_MAX)

/* ranges.c */
bool tdisp_ranges_init(TdispInterface *t, int bar, Error **errp);
uint16_t tdisp_range_attributes(const TdispRange *range, uint16_t lock_flags);
GByteArray *tdisp_report_build(TdispInterface *t, const TdispLock *lock);

/* gate.c */
bool tdisp_gates_init(TdispInterface *t, Error **errp);
void tdisp_gates_exit(TdispInterface *t);
void tdisp_gates_update(TdispInterface *t);

/* dma-fault.c: the part of the bus that DMA gate @i closes */
void tdisp_dma_view_init(TdispInterface *t, int i, uint64_t base,
                         uint64_t size);
void tdisp_dma_view_exit(TdispInterface *t, int i);

/* dma-map.c: "IOVA+SIZE=ADDRESS rw, ...", or one word for all addresses */
char *tdisp_dma_map(TdispInterface *t, Error **errp);
bool tdisp_dma_map_set_range(TdispInterface *t, const char *range,
                             Error **errp);

/* knobs.c */
void tdisp_knobs_class_init(ObjectClass *oc);

/* t-bit.c: the CPU that runs now is in a guest of its own */
bool tdisp_cpu_in_guest_mode(void);

#endif /* HW_TDISP_INTERFACE_H */
