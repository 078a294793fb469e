/*
 * TEE device interface (TDI): what leads where, reports, errors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TDI_H
#define HW_VFIO_PRIVATE_TDI_H

/* TDIState, whose first four numbers are TDISP's; TDIReason */
#include "qapi/qapi-types-tdi.h"

/**
 * enum TDIEvent - what has happened to a TDI
 *
 * Each is fed in once it is a fact, or asked about before it is made one.
 *
 * @TDI_EVENT_BIND: the TSM has bound and locked it
 * @TDI_EVENT_START: the TSM has started it
 * @TDI_EVENT_UNBIND: the TSM has stopped and unbound it, because somebody asked
 *     or since the VM is reset, the device is unplugged, or QEMU ends
 * @TDI_EVENT_HIDE: the same, but the guest does not know yet, or some of the
 *     MMIO could not be turned shared
 * @TDI_EVENT_ERROR: the device says that it is in ERROR, or is in a state in
 *     which it cannot be
 * @TDI_EVENT_LOST: an operation that changes the state failed with an errno
 */
typedef enum TDIEvent {
    TDI_EVENT_BIND,
    TDI_EVENT_START,
    TDI_EVENT_UNBIND,
    TDI_EVENT_HIDE,
    TDI_EVENT_ERROR,
    TDI_EVENT_LOST,
    TDI_EVENT__MAX,
} TDIEvent;

#define TDI_REFUSED (-1)

/**
 * tdi_next: where an event leads
 * @state: the state now
 * @event: the event
 * @reason: on whose behalf; an event is refused if it is not one of its
 *     reasons, so the host can never start a TDI
 *
 * Returns: the new state, may be @state; TDI_REFUSED if the event is not
 * allowed in this state.
 */
int tdi_next(TDIState state, TDIEvent event, TDIReason reason);

/**
 * tdi_observe: what follows from what the device says
 * @state: the state now, of a TDI that is bound
 * @reported: TDISP state, as the device gave it
 *
 * A device that reports less than what it was brought to, CONFIG_UNLOCKED
 * included, has left its state by itself: that is an error, since the TSM still
 * holds it bound and the guest still believes in it.
 *
 * Returns: the new state.
 */
TDIState tdi_observe(TDIState state, uint32_t reported);

/* tdi_state_bound: does the TSM have to be told to unbind it? */
bool tdi_state_bound(TDIState state);

/* tdi_state_hidden: is its MMIO out of the guest's reach? */
bool tdi_state_hidden(TDIState state);

/**
 * tdi_error_new: describe a failure
 * @operation: what failed
 * @ret: -errno, as the functions of binding.h return it
 * @code: code of a TDISP error, or 0
 *
 * Returns: the description, to be freed with qapi_free_TDIError().
 */
TDIError *tdi_error_new(TDIOperation operation, int ret, uint64_t code);

/* A report is transferred with 16-bit offsets. */
#define TDI_REPORT_MAX_SIZE     0xffff
#define TDI_REPORT_NR_BARS      6

/**
 * struct TDIReportPart - one MMIO range of a report
 * @bar: BAR number
 * @offset: bytes inside the BAR
 * @size: bytes
 * @tee: TEE memory, to be private; else it must stay shared
 */
typedef struct TDIReportPart {
    unsigned int bar;
    uint64_t offset;
    uint64_t size;
    bool tee;
} TDIReportPart;

/**
 * tdi_report_parse: the MMIO ranges of a report
 * @data: the report, from the device: anything may be in it
 * @size: bytes
 * @bar_sizes: bytes, 0 for a BAR that is not there or is no memory BAR
 *
 * The addresses in a report are moved by an offset that only the TSM knows, so
 * a range is placed relative to the first one of its BAR.  That is unambiguous
 * only if the ranges of the BAR make up all of it, in ascending order and
 * without holes or overlap; anything else is refused.  So is a report with no
 * MMIO range, one that is cut short, and one that has bytes to spare.
 *
 * An MSI-X table or PBA that was locked is TEE memory to the device but must
 * not become private here, since QEMU emulates those pages: they count as not
 * @tee.
 *
 * Returns: array of TDIReportPart, or NULL with @reason set to a constant text.
 */
GArray *tdi_report_parse(const uint8_t *data, size_t size,
                         const uint64_t bar_sizes[TDI_REPORT_NR_BARS],
                         const char **reason);

/**
 * tdi_report_allows: may all of a range of a BAR be private?
 * @parts: from tdi_report_parse(), NULL allows nothing
 * @bar: BAR number
 * @offset: bytes inside the BAR
 * @size: bytes, not 0
 */
bool tdi_report_allows(const GArray *parts, unsigned int bar, uint64_t offset,
                       uint64_t size);

#endif /* HW_VFIO_PRIVATE_TDI_H */
