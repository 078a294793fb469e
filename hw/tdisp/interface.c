/*
 * A TEE device interface of an emulated PCIe function
 *
 * Ties the responder to a device: what LOCK checks and aborts, what a change
 * of state closes and opens, and the life cycle beside the device's own.
 *
 * Order in a change of state: work is aborted before MMIO and DMA open, and
 * MMIO and DMA close before work is aborted on the way to ERROR.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/guest-random.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_sriov.h"
#include "interface.h"
#include "trace.h"

static uint32_t tdisp_op_lock(void *opaque, const TdispLock *lock)
{
    TdispInterface *t = opaque;
    uint32_t err = tdisp_config_check_lock(t, lock);

    if (err) {
        return err;
    }
    t->desc->abort(t->dev);
    t->locked_rid = pci_get_bdf(t->dev);
    return 0;
}

static GByteArray *tdisp_op_report(void *opaque, const TdispLock *lock)
{
    return tdisp_report_build(opaque, lock);
}

static bool tdisp_op_random(void *opaque, void *buf, size_t len)
{
    return qemu_guest_getrandom(buf, len, NULL) == 0;
}

static void tdisp_op_changed(void *opaque, TdispState from, const char *reason)
{
    TdispInterface *t = opaque;
    TdispState to = t->responder.state;

    trace_tdisp_state(t->dev->name, pci_get_bdf(t->dev),
                      tdisp_state_name(from), tdisp_state_name(to), reason);
    t->reason = reason;
    tdisp_gates_update(t);
    if (to == TDISP_STATE_ERROR) {
        t->errors++;
        t->desc->abort(t->dev);
    }
}

static void tdisp_op_scrub(void *opaque)
{
    TdispInterface *t = opaque;

    t->desc->abort(t->dev);
    if (t->desc->scrub) {
        t->desc->scrub(t->dev);
    }
}

static const TdispResponderOps tdisp_interface_ops = {
    .lock = tdisp_op_lock,
    .report = tdisp_op_report,
    .random = tdisp_op_random,
    .changed = tdisp_op_changed,
    .scrub = tdisp_op_scrub,
};

static bool tdisp_check_params(PCIDevice *dev, const TdispParams *params,
                               Error **errp)
{
    if (!pci_is_express(dev)) {
        error_setg(errp, "%s: tdisp=on needs a PCI Express slot", dev->name);
        return false;
    }
    if (dev->exp.sriov_cap) {
        error_setg(errp, "%s: tdisp=on and SR-IOV exclude each other here",
                   dev->name);
        return false;
    }
    if (params->clear && dev->spdm_port) {
        error_setg(errp, "%s: x-tdisp-clear=on and spdm_port exclude each "
                   "other", dev->name);
        return false;
    }
    if (!params->clear && !dev->spdm_port) {
        error_setg(errp, "%s: TDISP needs an SPDM responder", dev->name);
        error_append_hint(errp, "Give spdm_port, or x-tdisp-clear=on for "
                          "tests: it answers without any SPDM session and "
                          "protects nothing.\n");
        return false;
    }
    return true;
}

/* QOM names for the VFs' interfaces, which have no device id to go by. */
static void tdisp_link_vf(PCIDevice *vf, TdispInterface *t)
{
    TdispInterface *pf = tdisp_of(pcie_sriov_get_pf(vf));
    g_autofree char *name = g_strdup_printf("vf%d", pcie_sriov_vf_number(vf));

    if (pf) {
        object_property_add_const_link(OBJECT(pf), name, OBJECT(t));
    }
}

static void tdisp_unlink_vf(PCIDevice *vf)
{
    PCIDevice *pf_dev = pcie_sriov_get_pf(vf);
    TdispInterface *pf = pf_dev ? tdisp_of(pf_dev) : NULL;
    g_autofree char *name = g_strdup_printf("vf%d", pcie_sriov_vf_number(vf));

    if (pf && object_property_find(OBJECT(pf), name)) {
        object_property_del(OBJECT(pf), name);
    }
}

static uint16_t tdisp_lock_flags(PCIDevice *dev)
{
    return TDISP_LOCK_NO_FW_UPDATE | TDISP_LOCK_CACHE_LINE_128 |
           (msix_present(dev) ? TDISP_LOCK_MSIX : 0);
}

void tdisp_class_init(ObjectClass *oc)
{
    object_class_property_set_description(oc, "tdisp",
        "Be a TEE device interface (TDISP); needs spdm_port or "
        "x-tdisp-clear=on");
    object_class_property_set_description(oc, "x-tdisp-clear",
        "Test vehicle: answer TDISP in the clear, without an SPDM session");
}

bool tdisp_init(PCIDevice *dev, const TdispParams *params,
                const TdispDesc *desc, uint16_t doe_offset, Error **errp)
{
    TdispInterface *t;

    if (!params->enabled) {
        if (params->clear) {
            error_setg(errp, "%s: x-tdisp-clear=on needs tdisp=on", dev->name);
            return false;
        }
        return true;
    }
    if (!pci_is_vf(dev) && !tdisp_check_params(dev, params, errp)) {
        return false;
    }

    t = TDISP_INTERFACE(object_new(TYPE_TDISP_INTERFACE));
    object_property_add_child(OBJECT(dev), TDISP_CHILD, OBJECT(t));
    object_unref(t);
    t->dev = dev;
    t->desc = desc;
    t->map_size = 1ull << 48;
    tdisp_responder_init(&t->responder, &tdisp_interface_ops, t,
                         tdisp_lock_flags(dev));
    if (!tdisp_gates_init(t, errp)) {
        object_unparent(OBJECT(t));
        return false;
    }

    pci_long_test_and_set_mask(dev->config + dev->exp.exp_cap + PCI_EXP_DEVCAP,
                               TDISP_PCI_EXP_DEVCAP_TEE_IO);
    if (pci_is_vf(dev)) {
        tdisp_link_vf(dev, t);
    } else if (!dev->spdm_port) {
        tdisp_doe_init(t, doe_offset);
    }
    t->config_read = dev->config_read;
    t->config_write = dev->config_write;
    dev->config_read = tdisp_config_read;
    dev->config_write = tdisp_config_write;
    return true;
}

/* A config write to the function or to its PF is what resets it now. */
static bool tdisp_reset_by_config(TdispInterface *t)
{
    PCIDevice *pf = pci_is_vf(t->dev) ? pcie_sriov_get_pf(t->dev) : NULL;
    TdispInterface *pf_tdi = pf ? tdisp_of(pf) : NULL;

    return t->config_depth || (pf_tdi && pf_tdi->config_depth);
}

void tdisp_reset(PCIDevice *dev)
{
    TdispInterface *t = tdisp_of(dev);

    if (!t || !t->dev) {
        return;
    }
    tdisp_doe_abort(t);
    if (!tdisp_reset_by_config(t)) {
        tdisp_responder_unlock(&t->responder, "reset");
    }
}

void tdisp_exit(PCIDevice *dev)
{
    TdispInterface *t = tdisp_of(dev);

    if (t) {
        object_unparent(OBJECT(t));
    }
}

/* Also runs when a device fails to realize after tdisp_init(). */
static void tdisp_interface_unparent(Object *obj)
{
    TdispInterface *t = TDISP_INTERFACE(obj);
    PCIDevice *dev = t->dev;

    if (!dev) {
        return;
    }
    if (t->config_write) {
        dev->config_read = t->config_read;
        dev->config_write = t->config_write;
    }
    if (pci_is_vf(dev)) {
        tdisp_unlink_vf(dev);
    }
    tdisp_doe_exit(t);
    tdisp_responder_fini(&t->responder);
    tdisp_gates_exit(t);
    t->dev = NULL;
}

static void tdisp_interface_class_init(ObjectClass *oc, const void *data)
{
    oc->unparent = tdisp_interface_unparent;
    tdisp_knobs_class_init(oc);
}

static const TypeInfo tdisp_interface_info = {
    .name = TYPE_TDISP_INTERFACE,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(TdispInterface),
    .class_init = tdisp_interface_class_init,
};

static void tdisp_register_types(void)
{
    type_register_static(&tdisp_interface_info);
}

type_init(tdisp_register_types)
