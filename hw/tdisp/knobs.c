/*
 * Properties of a TDI: its state, its counters, and how it can misbehave
 *
 * They are at DEVICE/tdi, and at DEVICE/tdi/vfN for the VFs of a device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "system/qtest.h"
#include "interface.h"
#include "trace.h"

static char *tdisp_get_state_prop(Object *obj, Error **errp)
{
    return g_strdup(tdisp_state_name(TDISP_INTERFACE(obj)->responder.state));
}

static char *tdisp_get_reason(Object *obj, Error **errp)
{
    return g_strdup(TDISP_INTERFACE(obj)->reason ?: "");
}

static bool tdisp_get_assume_t(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->assume_t;
}

static void tdisp_set_assume_t(Object *obj, bool value, Error **errp)
{
    if (!qtest_enabled()) {
        error_setg(errp, "x-assume-t is for qtest, where no CPU runs");
        return;
    }
    TDISP_INTERFACE(obj)->assume_t = value;
}

static bool tdisp_get_ide_loss(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->ide_lost;
}

static void tdisp_set_ide_loss(Object *obj, bool value, Error **errp)
{
    TdispInterface *t = TDISP_INTERFACE(obj);

    t->ide_lost = value;
    if (value) {
        tdisp_responder_error(&t->responder, "IDE stream insecure");
    }
}

static bool tdisp_get_fault_error(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->responder.state == TDISP_STATE_ERROR;
}

static void tdisp_set_fault_error(Object *obj, bool value, Error **errp)
{
    if (value) {
        tdisp_responder_error(&TDISP_INTERFACE(obj)->responder, "fault knob");
    }
}

/* Those with no more to them than a member; each accessor reads and writes. */
typedef struct TdispMember {
    const char *name;
    const char *type;
    ObjectPropertyAccessor *get;
    ObjectPropertyAccessor *set;
    size_t offset;
    const char *description;
} TdispMember;

static void *tdisp_member(Object *obj, const TdispMember *member)
{
    return (char *)TDISP_INTERFACE(obj) + member->offset;
}

static void tdisp_visit_bool(Object *obj, Visitor *v, const char *name,
                             void *opaque, Error **errp)
{
    visit_type_bool(v, name, tdisp_member(obj, opaque), errp);
}

static void tdisp_visit_uint32(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    visit_type_uint32(v, name, tdisp_member(obj, opaque), errp);
}

static void tdisp_visit_uint64(Object *obj, Visitor *v, const char *name,
                               void *opaque, Error **errp)
{
    visit_type_uint64(v, name, tdisp_member(obj, opaque), errp);
}

#define TDISP_RO(name, type, member, description) \
    { name, #type, tdisp_visit_##type, NULL, \
      offsetof(TdispInterface, member), description }
#define TDISP_RW(name, type, member, description) \
    { name, #type, tdisp_visit_##type, tdisp_visit_##type, \
      offsetof(TdispInterface, member), description }

static const TdispMember tdisp_members[] = {
    TDISP_RO("mmio-rejected-t0", uint64, rejected_t0,
             "MMIO accesses with T=0 that were rejected"),
    TDISP_RO("mmio-rejected-t1", uint64, rejected_t1,
             "MMIO accesses with T=1 that were rejected"),
    TDISP_RO("dma-rejected", uint64, rejected_dma,
             "DMA accesses of the device that were rejected"),
    TDISP_RO("errors", uint64, errors, "Moves to ERROR"),
    TDISP_RO("dma-faults", uint64, dma_faults,
             "Translations of DMA that the IOMMU refused, not 0 if any was"),
    TDISP_RO("dma-fault-iova", uint64, dma_fault_iova,
             "Page of the last one on the bus"),
    TDISP_RO("dma-fault-write", bool, dma_fault_write,
             "Whether the last refused DMA was a write"),
    TDISP_RW("x-fault-wrong-nonce", bool, responder.faults.wrong_nonce,
             "LOCK hands out a nonce that START refuses"),
    TDISP_RW("x-fault-short-report", bool, responder.faults.short_report,
             "The next LOCK makes a report that ends after half of its bytes"),
    TDISP_RW("x-fault-single-bytes", bool, responder.faults.single_bytes,
             "The report is handed out byte by byte"),
    TDISP_RW("x-fault-refuse-lock", uint32, responder.faults.refuse_lock,
             "TDISP error code to refuse LOCK with (default: 0, do not)"),
    TDISP_RW("x-fault-delay-ms", uint32, delay_ms,
             "Time from DOE go to the answer (default: 0)"),
};

static char *tdisp_get_map(Object *obj, Error **errp)
{
    return tdisp_dma_map(TDISP_INTERFACE(obj), errp);
}

static char *tdisp_get_map_range(Object *obj, Error **errp)
{
    TdispInterface *t = TDISP_INTERFACE(obj);

    return g_strdup_printf("0x%" PRIx64 "+0x%" PRIx64, t->map_first,
                           t->map_size);
}

static void tdisp_set_map_range(Object *obj, const char *value, Error **errp)
{
    tdisp_dma_map_set_range(TDISP_INTERFACE(obj), value, errp);
}

void tdisp_knobs_class_init(ObjectClass *oc)
{
    for (size_t i = 0; i < ARRAY_SIZE(tdisp_members); i++) {
        const TdispMember *member = &tdisp_members[i];

        object_class_property_add(oc, member->name, member->type,
                                  member->get, member->set, NULL,
                                  (void *)member);
        object_class_property_set_description(oc, member->name,
                                              member->description);
    }
    object_class_property_add_str(oc, "state", tdisp_get_state_prop, NULL);
    object_class_property_set_description(oc, "state", "State of the TDI");
    object_class_property_add_str(oc, "reason", tdisp_get_reason, NULL);
    object_class_property_set_description(oc, "reason",
        "What made the last change of state");
    object_class_property_add_str(oc, "dma-map-range", tdisp_get_map_range,
                                  tdisp_set_map_range);
    object_class_property_set_description(oc, "dma-map-range",
        "Bus addresses that dma-map is about, START+SIZE in whole pages");
    object_class_property_add_str(oc, "dma-map", tdisp_get_map, NULL);
    object_class_property_set_description(oc, "dma-map",
        "What the IOMMU's tables map there: IOVA+SIZE=ADDRESS rw, ...");
    object_class_property_add_bool(oc, "x-assume-t", tdisp_get_assume_t,
                                   tdisp_set_assume_t);
    object_class_property_set_description(oc, "x-assume-t",
        "qtest only: count every MMIO access as T=1");
    object_class_property_add_bool(oc, "x-fault-ide-loss", tdisp_get_ide_loss,
                                   tdisp_set_ide_loss);
    object_class_property_set_description(oc, "x-fault-ide-loss",
        "Move to ERROR as if IDE had failed; LOCK is refused while it is on");
    object_class_property_add_bool(oc, "x-fault-error", tdisp_get_fault_error,
                                   tdisp_set_fault_error);
    object_class_property_set_description(oc, "x-fault-error",
        "Setting it to true moves a locked TDI to ERROR");
}
