/*
 * The DMA engine of tdi-testdev
 *
 * A transfer runs in steps from the main loop, never inside the register
 * write that starts it, so that it can be aborted and cannot recurse into the
 * device.  Bytes of BAR 2 are used in place.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "tdi-testdev-int.h"
#include "trace.h"

#define DMA_STEP    (64 * KiB)

static void tdi_testdev_dma_end(TdiTestdev *s, uint32_t status)
{
    TdiTestdevDma *dma = &s->dma;
    PCIDevice *dev = PCI_DEVICE(s);

    dma->status = status;
    trace_tdi_testdev_dma_end(dev->name, status, dma->count);
    if (dma->command & TDI_TESTDEV_DMA_IRQ) {
        s->irq_status |= TDI_TESTDEV_IRQ_DMA;
        if (msix_enabled(dev) && s->irq_vector < TDI_TESTDEV_NR_VECTORS) {
            msix_notify(dev, s->irq_vector);
        }
    }
}

static void tdi_testdev_dma_schedule(TdiTestdev *s)
{
    if (s->dma_step_us) {
        timer_mod(s->dma.timer, qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) +
                                s->dma_step_us);
    } else {
        qemu_bh_schedule(s->dma.bh);
    }
}

/* The pattern's bytes follow the transfer's offset, not the step's. */
static void tdi_testdev_pattern(uint8_t *buf, uint32_t pos, uint32_t len,
                                uint32_t pattern)
{
    for (uint32_t i = 0; i < len; i++) {
        buf[i] = pattern >> 8 * ((pos + i) % 4);
    }
}

/* Status of a finished or failed transfer, BUSY to go on. */
static uint32_t tdi_testdev_dma_step(TdiTestdev *s)
{
    TdiTestdevDma *dma = &s->dma;
    PCIDevice *dev = PCI_DEVICE(s);
    uint32_t len = MIN(dma->length - dma->count, DMA_STEP);
    uint64_t iova = dma->iova + dma->count;
    uint32_t op = dma->command & TDI_TESTDEV_DMA_OP_MASK;
    uint64_t offset = dma->offset + dma->count;
    g_autofree uint8_t *buf = g_malloc(DMA_STEP);
    MemTxResult ret = MEMTX_OK;
    uint8_t *mem = NULL;

    if (op != TDI_TESTDEV_DMA_FILL) {
        mem = (uint8_t *)memory_region_get_ram_ptr(&s->mem) + offset;
    }
    switch (op) {
    case TDI_TESTDEV_DMA_READ:
        ret = pci_dma_read(dev, iova, buf, len);
        if (ret == MEMTX_OK) {
            memcpy(mem, buf, len);
            memory_region_set_dirty(&s->mem, offset, len);
        }
        break;
    case TDI_TESTDEV_DMA_WRITE:
        /* The bus address may be in BAR 2 as well, so copy first. */
        memcpy(buf, mem, len);
        ret = pci_dma_write(dev, iova, buf, len);
        break;
    case TDI_TESTDEV_DMA_FILL:
        tdi_testdev_pattern(buf, dma->count, len, dma->pattern);
        ret = pci_dma_write(dev, iova, buf, len);
        break;
    case TDI_TESTDEV_DMA_COMPARE:
        ret = pci_dma_read(dev, iova, buf, len);
        for (uint32_t i = 0; ret == MEMTX_OK && i < len; i++) {
            if (buf[i] != mem[i]) {
                dma->count += i;
                return TDI_TESTDEV_DMA_MISMATCH;
            }
        }
        break;
    }
    if (ret != MEMTX_OK) {
        return TDI_TESTDEV_DMA_BUS_ERROR;
    }
    dma->count += len;
    return dma->count == dma->length ? TDI_TESTDEV_DMA_OK
                                     : TDI_TESTDEV_DMA_BUSY;
}

static void tdi_testdev_dma_run(void *opaque)
{
    TdiTestdev *s = opaque;
    uint32_t status;

    if (s->dma.status != TDI_TESTDEV_DMA_BUSY) {
        return;
    }
    status = tdi_testdev_dma_step(s);
    /* A step whose DMA reached the device's own config space may abort it. */
    if (s->dma.status != TDI_TESTDEV_DMA_BUSY) {
        return;
    }
    if (status == TDI_TESTDEV_DMA_BUSY) {
        tdi_testdev_dma_schedule(s);
    } else {
        tdi_testdev_dma_end(s, status);
    }
}

/* Steps run in the bottom half alone: it guards against re-entry. */
static void tdi_testdev_dma_tick(void *opaque)
{
    TdiTestdev *s = opaque;

    qemu_bh_schedule(s->dma.bh);
}

static bool tdi_testdev_dma_args_ok(TdiTestdev *s, uint32_t op)
{
    const TdiTestdevDma *dma = &s->dma;
    bool uses_mem = op != TDI_TESTDEV_DMA_FILL;

    if (op < TDI_TESTDEV_DMA_READ || op > TDI_TESTDEV_DMA_COMPARE ||
        !dma->length || dma->iova > UINT64_MAX - dma->length) {
        return false;
    }
    return !uses_mem || (dma->offset <= s->memsize &&
                         dma->length <= s->memsize - dma->offset);
}

void tdi_testdev_dma_start(TdiTestdev *s, uint32_t command)
{
    TdiTestdevDma *dma = &s->dma;
    uint32_t op = command & TDI_TESTDEV_DMA_OP_MASK;

    if (dma->status == TDI_TESTDEV_DMA_BUSY) {
        return;
    }
    dma->iova = s->dma_iova;
    dma->offset = s->dma_offset;
    dma->length = s->dma_length;
    dma->pattern = s->dma_pattern;
    dma->command = command;
    dma->count = 0;
    trace_tdi_testdev_dma_start(PCI_DEVICE(s)->name, command, dma->iova,
                                dma->offset, dma->length);
    if (!tdi_testdev_dma_args_ok(s, op)) {
        tdi_testdev_dma_end(s, TDI_TESTDEV_DMA_BAD_ARGS);
        return;
    }
    dma->status = TDI_TESTDEV_DMA_BUSY;
    tdi_testdev_dma_schedule(s);
}

void tdi_testdev_dma_abort(TdiTestdev *s)
{
    qemu_bh_cancel(s->dma.bh);
    timer_del(s->dma.timer);
    if (s->dma.status == TDI_TESTDEV_DMA_BUSY) {
        s->dma.status = TDI_TESTDEV_DMA_ABORTED;
        trace_tdi_testdev_dma_end(PCI_DEVICE(s)->name, s->dma.status,
                                  s->dma.count);
    }
}

void tdi_testdev_dma_init(TdiTestdev *s)
{
    s->dma.bh = qemu_bh_new_guarded(tdi_testdev_dma_run, s,
                                    &DEVICE(s)->mem_reentrancy_guard);
    s->dma.timer = timer_new_us(QEMU_CLOCK_VIRTUAL, tdi_testdev_dma_tick, s);
}

void tdi_testdev_dma_exit(TdiTestdev *s)
{
    tdi_testdev_dma_abort(s);
    qemu_bh_delete(s->dma.bh);
    timer_free(s->dma.timer);
}
