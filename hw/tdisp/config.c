/*
 * Config space of a TDI: what LOCK needs of it, and what breaks a locked TDI
 *
 * A write that breaks TDISP 11.2 (table of tracked registers) moves the TDI to
 * ERROR before it takes effect, so that no access and no DMA meets the new
 * configuration under the old trust; then the write succeeds as it would
 * without TDISP.  What is not listed here is allowed in every state.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/range.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie_sriov.h"
#include "interface.h"
#include "trace.h"

#define DEVCTL_TRACKED  (PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM | \
                         PCI_EXP_DEVCTL_NOSNOOP_EN)
#define DEVCTL2_10_BIT_TAG_REQ_EN   0x1000
#define CAP_ID_ENHANCED_ALLOCATION  0x14
#define CAP_ENHANCED_ALLOCATION_MAX 0x40
#define COMMAND_TRACKED (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

/* A write to config space, not yet done. */
typedef struct TdispWrite {
    PCIDevice *dev;
    uint32_t addr;
    uint32_t val;
    int len;
} TdispWrite;

/* Extended capabilities in which every write breaks a locked TDI. */
static const struct {
    uint16_t id;
    uint16_t size;
    bool hits_vfs;
    const char *reason;
} tdisp_tracked_caps[] = {
    { PCI_EXT_CAP_ID_ARI, PCI_ARI_SIZEOF, false, "ARI written" },
    { PCI_EXT_CAP_ID_SRIOV, PCI_EXT_CAP_SRIOV_SIZEOF, true, "SR-IOV written" },
    { PCI_EXT_CAP_ID_MCAST, 0x30, false, "multicast written" },
    { PCI_EXT_CAP_ID_PRI, 0x10, false, "PRI written" },
    { PCI_EXT_CAP_ID_REBAR, 0x34, false, "resizable BAR written" },
    { PCI_EXT_CAP_ID_PASID, 0x08, false, "PASID written" },
    { PCI_EXT_CAP_ID_VF_REBAR, 0x34, true, "VF resizable BAR written" },
};

static bool tdisp_touches(const TdispWrite *w, uint32_t reg, uint32_t size)
{
    return ranges_overlap(w->addr, w->len, reg, size);
}

/* The 16-bit register as the write will leave it. */
static uint16_t tdisp_after(const TdispWrite *w, uint32_t reg)
{
    uint16_t word = 0;

    for (int i = 0; i < 2; i++) {
        uint8_t byte = w->dev->config[reg + i];

        if (range_covers_byte(w->addr, w->len, reg + i)) {
            uint8_t mask = w->dev->wmask[reg + i];
            uint8_t val = w->val >> 8 * (reg + i - w->addr);

            byte = (byte & ~mask) | (val & mask);
        }
        word |= byte << 8 * i;
    }
    return word;
}

static uint16_t tdisp_change(const TdispWrite *w, uint32_t reg)
{
    return pci_get_word(w->dev->config + reg) ^ tdisp_after(w, reg);
}

static const char *tdisp_breaks_header(const TdispWrite *w)
{
    uint16_t cleared = tdisp_change(w, PCI_COMMAND) &
                       ~tdisp_after(w, PCI_COMMAND);

    if (cleared & COMMAND_TRACKED) {
        return cleared & PCI_COMMAND_MEMORY ? "MSE cleared" : "BME cleared";
    }
    if (tdisp_touches(w, PCI_BASE_ADDRESS_0, 24)) {
        return "BAR written";
    }
    if (tdisp_touches(w, PCI_ROM_ADDRESS, 4)) {
        return "ROM BAR written";
    }
    if (tdisp_touches(w, PCI_BIST, 1)) {
        return "BIST written";
    }
    return NULL;
}

static const char *tdisp_breaks_cap(TdispInterface *t, const TdispWrite *w,
                                    bool *hits_vfs)
{
    PCIDevice *dev = w->dev;
    uint32_t exp = dev->exp.exp_cap;
    uint8_t ea;

    if (tdisp_after(w, exp + PCI_EXP_DEVCTL) & PCI_EXP_DEVCTL_BCR_FLR) {
        *hits_vfs = true;
        return "FLR";
    }
    if (dev->pm_cap &&
        tdisp_change(w, dev->pm_cap + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK) {
        *hits_vfs = true;
        return "power state changed";
    }
    if ((tdisp_change(w, exp + PCI_EXP_DEVCTL) & DEVCTL_TRACKED) ||
        (tdisp_change(w, exp + PCI_EXP_DEVCTL2) & DEVCTL2_10_BIT_TAG_REQ_EN)) {
        return "Device Control changed";
    }
    if ((t->responder.lock.flags & TDISP_LOCK_MSIX) && dev->msix_cap &&
        tdisp_change(w, dev->msix_cap + PCI_MSIX_FLAGS)) {
        return "MSI-X control changed";
    }
    ea = pci_find_capability(dev, CAP_ID_ENHANCED_ALLOCATION);
    if (ea && tdisp_touches(w, ea, CAP_ENHANCED_ALLOCATION_MAX)) {
        return "enhanced allocation written";
    }
    return NULL;
}

static const char *tdisp_breaks_ext_cap(const TdispWrite *w, bool *hits_vfs)
{
    for (size_t i = 0; i < ARRAY_SIZE(tdisp_tracked_caps); i++) {
        uint16_t cap;

        if (w->addr < PCI_CONFIG_SPACE_SIZE) {
            break;
        }
        cap = pcie_find_capability(w->dev, tdisp_tracked_caps[i].id);
        if (cap && tdisp_touches(w, cap, tdisp_tracked_caps[i].size)) {
            *hits_vfs = tdisp_tracked_caps[i].hits_vfs;
            return tdisp_tracked_caps[i].reason;
        }
    }
    return NULL;
}

static void tdisp_break(TdispInterface *t, const TdispWrite *w)
{
    bool hits_vfs = false;
    const char *reason = tdisp_breaks_header(w);

    if (!reason) {
        reason = tdisp_breaks_cap(t, w, &hits_vfs);
    }
    if (!reason) {
        reason = tdisp_breaks_ext_cap(w, &hits_vfs);
    }
    if (!reason) {
        return;
    }
    tdisp_responder_error(&t->responder, reason);
    if (hits_vfs && w->dev->exp.sriov_cap) {
        for (int i = 0; i < pcie_sriov_num_vfs(w->dev); i++) {
            PCIDevice *vf = pcie_sriov_get_vf_at_index(w->dev, i);
            TdispInterface *vf_tdi = vf ? tdisp_of(vf) : NULL;

            if (vf_tdi) {
                tdisp_responder_error(&vf_tdi->responder, reason);
            }
        }
    }
}

void tdisp_config_write(PCIDevice *dev, uint32_t addr, uint32_t val, int len)
{
    TdispInterface *t = tdisp_of(dev);
    TdispWrite w = { dev, addr, val, len };

    object_ref(t);
    tdisp_check_rid(t);
    tdisp_break(t, &w);
    t->config_depth++;
    if (!tdisp_doe_write(t, addr, val, len)) {
        t->config_write(dev, addr, val, len);
    }
    t->config_depth--;
    object_unref(t);
}

uint32_t tdisp_config_read(PCIDevice *dev, uint32_t addr, int len)
{
    TdispInterface *t = tdisp_of(dev);
    uint32_t val;

    if (tdisp_doe_read(t, addr, len, &val)) {
        return val;
    }
    return t->config_read(dev, addr, len);
}

static uint64_t tdisp_bar_register(uint8_t *reg, uint8_t type)
{
    uint64_t addr = type & PCI_BASE_ADDRESS_MEM_TYPE_64 ? pci_get_quad(reg)
                                                        : pci_get_long(reg);

    return addr & ~0xfULL; /* type bits */
}

/* Where the PF's VF BAR starts: the BAR of its first VF. */
static uint64_t tdisp_vf_bar_address(PCIDevice *pf, int bar, uint8_t type)
{
    return tdisp_bar_register(pf->config + pf->exp.sriov_cap +
                              PCI_SRIOV_BAR + bar * 4, type);
}

uint64_t tdisp_bar_address(PCIDevice *dev, int bar)
{
    PCIIORegion *r = &dev->io_regions[bar];

    if (pci_is_vf(dev)) {
        return tdisp_vf_bar_address(pcie_sriov_get_pf(dev), bar, r->type) +
               pcie_sriov_vf_number(dev) * r->size;
    }
    return tdisp_bar_register(dev->config + PCI_BASE_ADDRESS_0 + bar * 4,
                              r->type);
}

typedef struct TdispSpan {
    uint64_t start;
    uint64_t size;
} TdispSpan;

/* BARs, ROM BAR and VF BARs of a physical function, in no order. */
static int tdisp_collect_spans(PCIDevice *pf, TdispSpan *spans)
{
    uint32_t rom = pci_get_long(pf->config + PCI_ROM_ADDRESS);
    uint16_t num_vfs = pcie_sriov_num_vfs(pf);
    int nr = 0;

    for (int i = 0; i < TDISP_NR_BARS; i++) {
        PCIIORegion *r = &pf->io_regions[i];

        if (r->size && !(r->type & PCI_BASE_ADDRESS_SPACE_IO)) {
            spans[nr++] = (TdispSpan) { tdisp_bar_address(pf, i), r->size };
        }
        if (num_vfs) {
            r = &pcie_sriov_get_vf_at_index(pf, 0)->io_regions[i];
            if (r->size) {
                spans[nr++] = (TdispSpan) {
                    tdisp_vf_bar_address(pf, i, r->type), num_vfs * r->size
                };
            }
        }
    }
    if (pf->io_regions[PCI_ROM_SLOT].size && (rom & PCI_ROM_ADDRESS_ENABLE)) {
        spans[nr++] = (TdispSpan) { rom & PCI_ROM_ADDRESS_MASK,
                                    pf->io_regions[PCI_ROM_SLOT].size };
    }
    return nr;
}

static bool tdisp_bars_overlap(PCIDevice *pf)
{
    TdispSpan spans[2 * TDISP_NR_BARS + 1];
    int nr = tdisp_collect_spans(pf, spans);

    for (int i = 0; i < nr; i++) {
        if (spans[i].start > UINT64_MAX - spans[i].size) {
            return true;
        }
        for (int j = 0; j < i; j++) {
            if (ranges_overlap(spans[i].start, spans[i].size,
                               spans[j].start, spans[j].size)) {
                return true;
            }
        }
    }
    return false;
}

static bool tdisp_bad_sriov_page_size(PCIDevice *pf)
{
    uint8_t *cap = pf->config + pf->exp.sriov_cap;
    uint32_t set;

    if (!pf->exp.sriov_cap) {
        return false;
    }
    set = pci_get_long(cap + PCI_SRIOV_SYS_PGSIZE);
    return !is_power_of_2(set) ||
           !(set & pci_get_long(cap + PCI_SRIOV_SUP_PGSIZE));
}

/* The register counts in words of four bytes; 0 says that nobody set it. */
static bool tdisp_bad_cache_line(PCIDevice *dev, const TdispLock *lock)
{
    uint8_t set = dev->config[PCI_CACHE_LINE_SIZE];
    uint8_t want = lock->flags & TDISP_LOCK_CACHE_LINE_128 ? 32 : 16;

    return set && set != want;
}

static const char *tdisp_lock_refusal(TdispInterface *t, const TdispLock *lock)
{
    PCIDevice *dev = t->dev;
    PCIDevice *pf = pci_is_vf(dev) ? pcie_sriov_get_pf(dev) : dev;
    uint8_t *exp = dev->config + dev->exp.exp_cap;

    if (!dev->enabled) {
        return "function is off";
    }
    if (dev->pm_cap && (pci_get_word(dev->config + dev->pm_cap +
                                             PCI_PM_CTRL) &
                                PCI_PM_CTRL_STATE_MASK)) {
        return "not in D0";
    }
    /* Without IDE there is one path to the device; it goes by number 0. */
    if (lock->stream_id) {
        return "no such IDE stream";
    }
    if (t->ide_lost) {
        return "IDE stream is insecure";
    }
    if (tdisp_bad_cache_line(dev, lock)) {
        return "cache line size mismatch";
    }
    if (pci_get_word(exp + PCI_EXP_DEVCTL) & PCI_EXP_DEVCTL_PHANTOM) {
        return "phantom functions";
    }
    if (tdisp_bad_sriov_page_size(pf)) {
        return "SR-IOV page size";
    }
    if (tdisp_bars_overlap(pf)) {
        return "BARs overlap";
    }
    return NULL;
}

uint32_t tdisp_config_check_lock(TdispInterface *t, const TdispLock *lock)
{
    const char *refusal = tdisp_lock_refusal(t, lock);

    if (!refusal) {
        return 0;
    }
    trace_tdisp_lock_refused(t->dev->name, refusal);
    return TDISP_ERR_INVALID_DEVICE_CONFIG;
}
