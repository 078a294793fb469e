/*
 * The DOE mailbox of a TDI's function, with its CMA/SPDM data object
 *
 * Function 0 owns the mailbox and answers for itself and for its VFs.  The
 * mailbox itself is hw/pci/pcie_doe.c; this file keeps a guest from filling it
 * beyond its end, and can let an answer wait (the delay knob).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "interface.h"
#include "trace.h"

#define DOE_DW_SIZE     4

static bool tdisp_doe_cma(DOECap *doe)
{
    TdispInterface *t = tdisp_of(doe->pdev);
    const uint8_t *obj = pcie_doe_get_write_mbox_ptr(doe);
    size_t len = (size_t)pcie_doe_get_obj_len((void *)obj) * DOE_DW_SIZE;
    g_autofree uint8_t *rsp = g_malloc0(sizeof(DOEHeader) +
                                        TDISP_SPDM_RESPONSE_MAX + DOE_DW_SIZE);
    size_t rsp_len;

    if (!t || len <= sizeof(DOEHeader)) {
        return false;
    }
    rsp_len = tdisp_spdm_respond(t, obj + sizeof(DOEHeader),
                                 len - sizeof(DOEHeader),
                                 rsp + sizeof(DOEHeader));
    rsp_len = QEMU_ALIGN_UP(sizeof(DOEHeader) + rsp_len, DOE_DW_SIZE);
    *(DOEHeader *)rsp = (DOEHeader) {
        .vendor_id = cpu_to_le16(PCI_VENDOR_ID_PCI_SIG),
        .data_obj_type = PCI_SIG_DOE_CMA,
        .length = cpu_to_le32(rsp_len / DOE_DW_SIZE),
    };
    pcie_doe_set_rsp(doe, rsp);
    return true;
}

static DOEProtocol tdisp_doe_protocols[] = {
    { PCI_VENDOR_ID_PCI_SIG, PCI_SIG_DOE_CMA, tdisp_doe_cma },
    { }
};

static void tdisp_doe_control(TdispInterface *t, uint32_t val)
{
    pcie_doe_write_config(t->doe, t->doe->offset + PCI_EXP_DOE_CTRL, val,
                          DOE_DW_SIZE);
}

/* GO once the delay is over, with the interrupt enable left as it was. */
static void tdisp_doe_late_go(void *opaque)
{
    TdispInterface *t = opaque;
    uint32_t val = 0;

    t->doe_pending = false;
    t->doe->status.busy = false;
    val = FIELD_DP32(val, PCI_DOE_CAP_CONTROL, DOE_GO, 1);
    val = FIELD_DP32(val, PCI_DOE_CAP_CONTROL, DOE_INTR_EN,
                     t->doe->ctrl.intr);
    tdisp_doe_control(t, val);
}

static void tdisp_doe_drop_pending(TdispInterface *t)
{
    timer_del(t->doe_timer);
    t->doe_pending = false;
    t->doe->status.busy = false;
}

void tdisp_doe_abort(TdispInterface *t)
{
    if (t->doe) {
        tdisp_doe_drop_pending(t);
        tdisp_doe_control(t, R_PCI_DOE_CAP_CONTROL_DOE_ABORT_MASK);
    }
}

static bool tdisp_doe_covers(TdispInterface *t, uint32_t addr, int len)
{
    /* Both ends are inside, and no access crosses a double word. */
    return t->doe && addr >= t->doe->offset + PCI_EXP_DOE_CAP &&
           addr + len <= t->doe->offset + PCI_DOE_SIZEOF &&
           addr % DOE_DW_SIZE + len <= DOE_DW_SIZE;
}

bool tdisp_doe_read(TdispInterface *t, uint32_t addr, int len, uint32_t *val)
{
    return tdisp_doe_covers(t, addr, len) &&
           pcie_doe_read_config(t->doe, addr, len, val);
}

static void tdisp_doe_write_control(TdispInterface *t, uint32_t addr,
                                    uint32_t val, int len)
{
    bool whole = addr % DOE_DW_SIZE == 0;
    uint32_t shift = addr % DOE_DW_SIZE * 8;
    bool go = FIELD_EX32(val << shift, PCI_DOE_CAP_CONTROL, DOE_GO);

    if (whole && FIELD_EX32(val, PCI_DOE_CAP_CONTROL, DOE_ABORT)) {
        tdisp_doe_abort(t);
        return;
    }
    if (!go) {
        /* Above byte 0 there is nothing but GO. */
        if (whole) {
            pcie_doe_write_config(t->doe, addr, val, len);
        }
        return;
    }
    /* A second answer would be put behind the first, without end. */
    if (t->doe_pending || t->doe->status.ready) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: DOE go while not idle\n",
                      t->dev->name);
        return;
    }
    if (t->delay_ms) {
        t->doe_pending = true;
        t->doe->status.busy = true;
        timer_mod(t->doe_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + t->delay_ms);
        trace_tdisp_doe_delay(t->dev->name, t->delay_ms);
        return;
    }
    /* pcie_doe.c does not shift a narrow write into place. */
    pcie_doe_write_config(t->doe, addr & ~(DOE_DW_SIZE - 1), val << shift,
                          DOE_DW_SIZE);
}

bool tdisp_doe_write(TdispInterface *t, uint32_t addr, uint32_t val, int len)
{
    uint32_t reg;

    if (!tdisp_doe_covers(t, addr, len)) {
        return false;
    }
    reg = (addr & ~(DOE_DW_SIZE - 1)) - t->doe->offset;
    switch (reg) {
    case PCI_EXP_DOE_CTRL:
        tdisp_doe_write_control(t, addr, val, len);
        break;
    case PCI_EXP_DOE_WR_DATA_MBOX:
        if (t->doe_pending) {
            break;
        }
        if (t->doe->write_mbox_len >= PCI_DOE_DW_SIZE_MAX) {
            qemu_log_mask(LOG_GUEST_ERROR, "%s: DOE object too long\n",
                          t->dev->name);
            t->doe->status.error = true;
            break;
        }
        pcie_doe_write_config(t->doe, addr, val, len);
        break;
    default:
        pcie_doe_write_config(t->doe, addr, val, len);
        break;
    }
    return true;
}

void tdisp_doe_init(TdispInterface *t, uint16_t offset)
{
    t->doe = g_new0(DOECap, 1);
    t->doe_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, tdisp_doe_late_go, t);
    pcie_doe_init(t->dev, t->doe, offset, tdisp_doe_protocols, false, 0);
}

void tdisp_doe_exit(TdispInterface *t)
{
    if (t->doe) {
        timer_free(t->doe_timer);
        t->doe_timer = NULL;
        pcie_doe_fini(t->doe);
        g_clear_pointer(&t->doe, g_free);
    }
}
