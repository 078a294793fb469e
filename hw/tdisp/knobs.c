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

static bool tdisp_get_wrong_nonce(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->responder.faults.wrong_nonce;
}

static void tdisp_set_wrong_nonce(Object *obj, bool value, Error **errp)
{
    TDISP_INTERFACE(obj)->responder.faults.wrong_nonce = value;
}

static bool tdisp_get_short_report(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->responder.faults.short_report;
}

static void tdisp_set_short_report(Object *obj, bool value, Error **errp)
{
    TDISP_INTERFACE(obj)->responder.faults.short_report = value;
}

static bool tdisp_get_single_bytes(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->responder.faults.single_bytes;
}

static void tdisp_set_single_bytes(Object *obj, bool value, Error **errp)
{
    TDISP_INTERFACE(obj)->responder.faults.single_bytes = value;
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

static void tdisp_get_refuse_lock(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    uint32_t value = TDISP_INTERFACE(obj)->responder.faults.refuse_lock;

    visit_type_uint32(v, name, &value, errp);
}

static void tdisp_set_refuse_lock(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    uint32_t value;

    if (visit_type_uint32(v, name, &value, errp)) {
        TDISP_INTERFACE(obj)->responder.faults.refuse_lock = value;
    }
}

static void tdisp_get_delay(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    uint32_t value = TDISP_INTERFACE(obj)->delay_ms;

    visit_type_uint32(v, name, &value, errp);
}

static void tdisp_set_delay(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    uint32_t value;

    if (visit_type_uint32(v, name, &value, errp)) {
        TDISP_INTERFACE(obj)->delay_ms = value;
    }
}

/* Read-only counters, by their place in TdispInterface. */
static const struct {
    const char *name;
    size_t offset;
    const char *description;
} tdisp_counters[] = {
    { "mmio-rejected-t0", offsetof(TdispInterface, rejected_t0),
      "MMIO accesses with T=0 that were rejected" },
    { "mmio-rejected-t1", offsetof(TdispInterface, rejected_t1),
      "MMIO accesses with T=1 that were rejected" },
    { "dma-rejected", offsetof(TdispInterface, rejected_dma),
      "DMA accesses of the device that were rejected" },
    { "errors", offsetof(TdispInterface, errors), "Moves to ERROR" },
    { "dma-faults", offsetof(TdispInterface, dma_faults),
      "Translations of DMA that the IOMMU refused, not 0 if any was" },
    { "dma-fault-iova", offsetof(TdispInterface, dma_fault_iova),
      "Page of the last one on the bus" },
};

static void tdisp_get_counter(Object *obj, Visitor *v, const char *name,
                              void *opaque, Error **errp)
{
    size_t offset = *(const size_t *)opaque;
    uint64_t value = *(uint64_t *)((char *)TDISP_INTERFACE(obj) + offset);

    visit_type_uint64(v, name, &value, errp);
}

static bool tdisp_get_fault_write(Object *obj, Error **errp)
{
    return TDISP_INTERFACE(obj)->dma_fault_write;
}

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

static void tdisp_add_map(ObjectClass *oc)
{
    object_class_property_add_bool(oc, "dma-fault-write",
                                   tdisp_get_fault_write, NULL);
    object_class_property_set_description(oc, "dma-fault-write",
        "Whether the last refused DMA was a write");
    object_class_property_add_str(oc, "dma-map-range", tdisp_get_map_range,
                                  tdisp_set_map_range);
    object_class_property_set_description(oc, "dma-map-range",
        "Bus addresses that dma-map is about, START+SIZE in whole pages");
    object_class_property_add_str(oc, "dma-map", tdisp_get_map, NULL);
    object_class_property_set_description(oc, "dma-map",
        "What the IOMMU's tables map there: IOVA+SIZE=ADDRESS rw, ...");
}

static const struct {
    const char *name;
    bool (*get)(Object *obj, Error **errp);
    void (*set)(Object *obj, bool value, Error **errp);
    const char *description;
} tdisp_switches[] = {
    { "x-assume-t", tdisp_get_assume_t, tdisp_set_assume_t,
      "qtest only: count every MMIO access as T=1" },
    { "x-fault-wrong-nonce", tdisp_get_wrong_nonce, tdisp_set_wrong_nonce,
      "LOCK hands out a nonce that START refuses" },
    { "x-fault-short-report", tdisp_get_short_report, tdisp_set_short_report,
      "The next LOCK makes a report that ends after half of its bytes" },
    { "x-fault-single-bytes", tdisp_get_single_bytes, tdisp_set_single_bytes,
      "The report is handed out byte by byte" },
    { "x-fault-ide-loss", tdisp_get_ide_loss, tdisp_set_ide_loss,
      "Move to ERROR as if IDE had failed; LOCK is refused while it is on" },
    { "x-fault-error", tdisp_get_fault_error, tdisp_set_fault_error,
      "Setting it to true moves a locked TDI to ERROR" },
};

void tdisp_knobs_class_init(ObjectClass *oc)
{
    object_class_property_add_str(oc, "state", tdisp_get_state_prop, NULL);
    object_class_property_set_description(oc, "state", "State of the TDI");
    object_class_property_add_str(oc, "reason", tdisp_get_reason, NULL);
    object_class_property_set_description(oc, "reason",
        "What made the last change of state");

    for (size_t i = 0; i < ARRAY_SIZE(tdisp_counters); i++) {
        object_class_property_add(oc, tdisp_counters[i].name, "uint64",
                                  tdisp_get_counter, NULL, NULL,
                                  (void *)&tdisp_counters[i].offset);
        object_class_property_set_description(oc, tdisp_counters[i].name,
                                              tdisp_counters[i].description);
    }
    for (size_t i = 0; i < ARRAY_SIZE(tdisp_switches); i++) {
        object_class_property_add_bool(oc, tdisp_switches[i].name,
                                       tdisp_switches[i].get,
                                       tdisp_switches[i].set);
        object_class_property_set_description(oc, tdisp_switches[i].name,
                                              tdisp_switches[i].description);
    }
    tdisp_add_map(oc);
    object_class_property_add(oc, "x-fault-refuse-lock", "uint32",
                              tdisp_get_refuse_lock, tdisp_set_refuse_lock,
                              NULL, NULL);
    object_class_property_set_description(oc, "x-fault-refuse-lock",
        "TDISP error code to refuse LOCK with (default: 0, do not)");
    object_class_property_add(oc, "x-fault-delay-ms", "uint32",
                              tdisp_get_delay, tdisp_set_delay, NULL, NULL);
    object_class_property_set_description(oc, "x-fault-delay-ms",
        "Time from DOE go to the answer (default: 0)");
}
