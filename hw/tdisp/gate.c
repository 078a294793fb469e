/*
 * MMIO and DMA gates: what passes in which TDI state (TDISP 11.2)
 *
 *                  CONFIG_UNLOCKED  CONFIG_LOCKED  RUN        ERROR
 *   TEE MMIO       passes           rejected       T=1 only   rejected
 *   NON_TEE MMIO   passes           passes         passes     passes
 *   DMA            passes           rejected       passes     rejected
 *   MSI, MSI-X     passes           passes         passes     passes
 *
 * A gate is an I/O region above the BAR, enabled from LOCK to unlock, that
 * decides on each access.  A rejected read gives all ones, a rejected write
 * vanishes, and neither raises an error at the CPU.  A rejected DMA fails at
 * the device.
 *
 * TDISP rejects T=1 in CONFIG_UNLOCKED too.  The T bit here is SVM guest mode,
 * which says nothing about the page that a guest accesses, so that would shut
 * out a guest that uses its shared device; the gates stay open instead.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "interface.h"
#include "trace.h"

/* x86 message window: a memory write there is an interrupt, not DMA. */
#define MSI_WINDOW_BASE     0xfee00000ULL
#define MSI_WINDOW_END      0xfef00000ULL

/*
 * A CPU's access has attributes; what devices and monitors do has none.  So a
 * vCPU that makes another device do DMA into this BAR does not lend it its T.
 */
static bool tdisp_access_t(TdispInterface *t, MemTxAttrs attrs)
{
    return t->assume_t || (!attrs.unspecified && tdisp_cpu_in_guest_mode());
}

static bool tdisp_accept(TdispRange *range, hwaddr addr, unsigned size,
                         bool write, MemTxAttrs attrs)
{
    TdispInterface *t = range->tdi;
    bool tee = tdisp_access_t(t, attrs);

    tdisp_check_rid(t);
    if (t->responder.state == TDISP_STATE_RUN && tee) {
        return true;
    }
    if (tee) {
        t->rejected_t1++;
    } else {
        t->rejected_t0++;
    }
    trace_tdisp_mmio_reject(t->dev ? t->dev->name : "gone", range->bar,
                            range->offset + addr, size,
                            write ? "write" : "read", tee,
                            tdisp_state_name(t->responder.state));
    return false;
}

static MemTxResult tdisp_gate_read(void *opaque, hwaddr addr, uint64_t *data,
                                   unsigned size, MemTxAttrs attrs)
{
    TdispRange *range = opaque;
    TdispBar *bar = &range->tdi->bars[range->bar];
    uint8_t buf[8] = { };
    MemTxResult ret;

    *data = UINT64_MAX;
    if (!tdisp_accept(range, addr, size, false, attrs)) {
        return MEMTX_OK;
    }
    ret = address_space_read(&bar->inner_as, range->offset + addr, attrs,
                             buf, size);
    *data = ldn_le_p(buf, size);
    return ret;
}

static MemTxResult tdisp_gate_write(void *opaque, hwaddr addr, uint64_t data,
                                    unsigned size, MemTxAttrs attrs)
{
    TdispRange *range = opaque;
    TdispBar *bar = &range->tdi->bars[range->bar];
    uint8_t buf[8];

    if (!tdisp_accept(range, addr, size, true, attrs)) {
        return MEMTX_OK;
    }
    stn_le_p(buf, size, data);
    return address_space_write(&bar->inner_as, range->offset + addr, attrs,
                               buf, size);
}

/* The region below the gate decides on sizes and alignment. */
static const MemoryRegionOps tdisp_gate_ops = {
    .read_with_attrs = tdisp_gate_read,
    .write_with_attrs = tdisp_gate_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static void tdisp_reject_dma(TdispDmaGate *gate, hwaddr addr, unsigned size,
                             bool write)
{
    TdispInterface *t = gate->tdi;

    t->rejected_dma++;
    trace_tdisp_dma_reject(t->dev ? t->dev->name : "gone", gate->base + addr,
                           size, write ? "write" : "read",
                           tdisp_state_name(t->responder.state));
}

static MemTxResult tdisp_dma_read(void *opaque, hwaddr addr, uint64_t *data,
                                  unsigned size, MemTxAttrs attrs)
{
    tdisp_reject_dma(opaque, addr, size, false);
    *data = UINT64_MAX;
    return MEMTX_ACCESS_ERROR;
}

static MemTxResult tdisp_dma_write(void *opaque, hwaddr addr, uint64_t data,
                                   unsigned size, MemTxAttrs attrs)
{
    tdisp_reject_dma(opaque, addr, size, true);
    return MEMTX_ACCESS_ERROR;
}

static const MemoryRegionOps tdisp_dma_ops = {
    .read_with_attrs = tdisp_dma_read,
    .write_with_attrs = tdisp_dma_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* A TEE range is closed in every state but CONFIG_UNLOCKED. */
static bool tdisp_gate_wanted(const TdispRange *range)
{
    const TdispResponder *r = &range->tdi->responder;

    return r->state != TDISP_STATE_CONFIG_UNLOCKED &&
           !(tdisp_range_attributes(range, r->lock.flags) &
             TDISP_RANGE_NON_TEE);
}

void tdisp_gates_update(TdispInterface *t)
{
    TdispState state = t->responder.state;
    bool no_dma = state == TDISP_STATE_CONFIG_LOCKED ||
                  state == TDISP_STATE_ERROR;

    memory_region_transaction_begin();
    for (int i = 0; i < TDISP_NR_BARS; i++) {
        TdispBar *bar = &t->bars[i];

        for (unsigned int n = 0; n < bar->nr_ranges; n++) {
            memory_region_set_enabled(&bar->ranges[n].gate,
                                      tdisp_gate_wanted(&bar->ranges[n]));
        }
    }
    for (int i = 0; i < TDISP_NR_DMA_GATES; i++) {
        memory_region_set_enabled(&t->dma_gates[i].mr, no_dma);
    }
    memory_region_transaction_commit();
}

/* Puts the outer region where the BAR's own was, mapped or not. */
static void tdisp_swap_bar(PCIDevice *dev, int i, MemoryRegion *to)
{
    PCIIORegion *r = &dev->io_regions[i];
    bool mapped = memory_region_is_mapped(r->memory) &&
                  r->addr != PCI_BAR_UNMAPPED;

    if (mapped) {
        memory_region_del_subregion(r->address_space, r->memory);
    }
    r->memory = to;
    if (mapped) {
        memory_region_add_subregion_overlap(r->address_space, r->addr, to, 1);
    }
}

static void tdisp_wrap_bar(TdispInterface *t, int i)
{
    TdispBar *bar = &t->bars[i];
    Object *owner = OBJECT(t);
    uint64_t size = memory_region_size(bar->bar);

    memory_region_init(&bar->outer, owner, "tdisp-outer", size);
    memory_region_init_alias(&bar->outer_alias, owner, "tdisp-outer-alias",
                             bar->bar, 0, size);
    memory_region_add_subregion(&bar->outer, 0, &bar->outer_alias);

    memory_region_init(&bar->inner, owner, "tdisp-inner", size);
    memory_region_init_alias(&bar->inner_alias, owner, "tdisp-inner-alias",
                             bar->bar, 0, size);
    memory_region_add_subregion(&bar->inner, 0, &bar->inner_alias);
    address_space_init(&bar->inner_as, &bar->inner, "tdisp-bar");

    for (unsigned int n = 0; n < bar->nr_ranges; n++) {
        TdispRange *range = &bar->ranges[n];

        memory_region_init_io(&range->gate, owner, &tdisp_gate_ops, range,
                              "tdisp-gate", range->size);
        memory_region_set_enabled(&range->gate, false);
        memory_region_add_subregion_overlap(&bar->outer, range->offset,
                                            &range->gate, 1);
    }
    tdisp_swap_bar(t->dev, i, &bar->outer);
}

static void tdisp_init_dma_gate(TdispInterface *t, int i, uint64_t base,
                                uint64_t size)
{
    TdispDmaGate *gate = &t->dma_gates[i];

    gate->tdi = t;
    gate->base = base;
    memory_region_init_io(&gate->mr, OBJECT(t), &tdisp_dma_ops, gate,
                          "tdisp-dma-gate", size);
    memory_region_set_enabled(&gate->mr, false);
    memory_region_add_subregion_overlap(&t->dev->bus_master_container_region,
                                        base, &gate->mr, 2);
    tdisp_dma_view_init(t, i, base, size);
}

bool tdisp_gates_init(TdispInterface *t, Error **errp)
{
    for (int i = 0; i < TDISP_NR_BARS; i++) {
        PCIIORegion *r = &t->dev->io_regions[i];

        if (r->size && !(r->type & PCI_BASE_ADDRESS_SPACE_IO) &&
            !tdisp_ranges_init(t, i, errp)) {
            return false;
        }
    }
    for (int i = 0; i < TDISP_NR_BARS; i++) {
        if (t->bars[i].nr_ranges) {
            t->bars[i].bar = t->dev->io_regions[i].memory;
            tdisp_wrap_bar(t, i);
        }
    }
    tdisp_init_dma_gate(t, 0, 0, MSI_WINDOW_BASE);
    tdisp_init_dma_gate(t, 1, MSI_WINDOW_END, UINT64_MAX - MSI_WINDOW_END);
    return true;
}

void tdisp_gates_exit(TdispInterface *t)
{
    for (int i = 0; i < TDISP_NR_DMA_GATES; i++) {
        if (memory_region_is_mapped(&t->dma_gates[i].mr)) {
            memory_region_del_subregion(&t->dev->bus_master_container_region,
                                        &t->dma_gates[i].mr);
        }
        tdisp_dma_view_exit(t, i);
    }
    for (int i = 0; i < TDISP_NR_BARS; i++) {
        TdispBar *bar = &t->bars[i];

        if (bar->bar) {
            tdisp_swap_bar(t->dev, i, bar->bar);
            address_space_destroy(&bar->inner_as);
            bar->bar = NULL;
        }
    }
}
