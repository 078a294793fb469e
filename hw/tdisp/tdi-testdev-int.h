/*
 * tdi-testdev: state shared by the device and its DMA engine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_TDISP_TDI_TESTDEV_INT_H
#define HW_TDISP_TDI_TESTDEV_INT_H

#include "qemu/timer.h"
#include "hw/pci/pci_device.h"
#include "hooks.h"
#include "tdi-testdev.h"

#define TYPE_TDI_TESTDEV_BASE "tdi-testdev-base"
OBJECT_DECLARE_SIMPLE_TYPE(TdiTestdev, TDI_TESTDEV_BASE)

/* One transfer.  Arguments are latched at the start. */
typedef struct TdiTestdevDma {
    uint64_t iova;
    uint64_t offset;
    uint32_t length;
    uint32_t pattern;
    uint32_t command;
    uint32_t status;
    uint32_t count;
    QEMUBH *bh;         /* next step at once */
    QEMUTimer *timer;   /* next step after dma_step_us */
} TdiTestdevDma;

struct TdiTestdev {
    PCIDevice parent_obj;

    MemoryRegion bar0;
    MemoryRegion regs_mr;
    MemoryRegion open_mr;
    MemoryRegion mem;

    uint32_t scratch;
    uint32_t irq_vector;
    uint32_t irq_status;
    /* As written; the engine works on a copy. */
    uint64_t dma_iova;
    uint64_t dma_offset;
    uint32_t dma_length;
    uint32_t dma_pattern;
    TdiTestdevDma dma;

    /* properties */
    TdispParams tdisp;
    uint64_t memsize;
    uint64_t vf_memsize;
    uint16_t num_vfs;
    uint32_t dma_step_us;
};

void tdi_testdev_dma_init(TdiTestdev *s);
void tdi_testdev_dma_exit(TdiTestdev *s);
/* Ignored while a transfer runs. */
void tdi_testdev_dma_start(TdiTestdev *s, uint32_t command);
/* No byte moves after it returns.  Idempotent. */
void tdi_testdev_dma_abort(TdiTestdev *s);

#endif /* HW_TDISP_TDI_TESTDEV_INT_H */
