/*
 * TEE device interface (TDI): what leads where, reports, errors
 *
 *                    BIND             START (guest only)
 *   CONFIG_UNLOCKED ------> CONFIG_LOCKED ------> RUN
 *       ^  ^  ^                 |  |              |  |
 *       |  |  |   ERROR         |  +-----+--------+  |
 *       |  |  +- ERROR <--------+--------)-----------+
 *       |  +---- HIDDEN <-- HIDE, from anywhere
 *       +---- UNBIND, from anywhere
 *
 * LOST leads to UNKNOWN from anywhere.  Nothing else leads out of ERROR,
 * UNKNOWN and HIDDEN than to be unbound, so that no failure ends in an
 * assumption.
 *
 * This file is tables and a parser, and knows nothing of QOM, KVM or ioctls.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/tdisp/tdisp.h"
#include "tdi.h"

#define REFUSED TDI_REFUSED
#define REASON(name) (1u << TDI_REASON_##name)

typedef struct TDIRule {
    unsigned int reasons;
    int8_t next[TDI_STATE__MAX];
} TDIRule;

#define UNLOCKED TDI_STATE_CONFIG_UNLOCKED
#define LOCKED   TDI_STATE_CONFIG_LOCKED
#define RUN      TDI_STATE_RUN
#define ERR      TDI_STATE_ERROR
#define UNKNOWN  TDI_STATE_UNKNOWN
#define HIDDEN   TDI_STATE_HIDDEN

/* In the order of the states: UNLOCKED, LOCKED, RUN, ERROR, UNKNOWN, HIDDEN */
static const TDIRule rules[TDI_EVENT__MAX] = {
    [TDI_EVENT_BIND] = {
        REASON(GUEST) | REASON(MONITOR),
        { LOCKED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED },
    },
    [TDI_EVENT_START] = {
        REASON(GUEST),
        { REFUSED, RUN, REFUSED, REFUSED, REFUSED, REFUSED },
    },
    [TDI_EVENT_UNBIND] = {
        REASON(GUEST) | REASON(MONITOR) | REASON(RESET) | REASON(UNPLUG) |
        REASON(EXIT),
        { UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED, UNLOCKED },
    },
    [TDI_EVENT_HIDE] = {
        (1u << TDI_REASON__MAX) - 1,
        { HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN },
    },
    [TDI_EVENT_ERROR] = {
        REASON(GUEST) | REASON(MONITOR) | REASON(DEVICE_ERROR),
        { REFUSED, ERR, ERR, ERR, UNKNOWN, REFUSED },
    },
    [TDI_EVENT_LOST] = {
        (1u << TDI_REASON__MAX) - 1,
        { UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN },
    },
};

int tdi_next(TDIState state, TDIEvent event, TDIReason reason)
{
    const TDIRule *rule = &rules[event];

    return rule->reasons & (1u << reason) ? rule->next[state] : REFUSED;
}

TDIState tdi_observe(TDIState state, uint32_t reported)
{
    switch (state) {
    case TDI_STATE_CONFIG_LOCKED:
    case TDI_STATE_RUN:
        /* Their numbers are those of TDISP. */
        return reported == state ? state : TDI_STATE_ERROR;
    case TDI_STATE_UNKNOWN:
        /* To see it running does not make it what somebody accepted. */
        return reported == TDI_STATE_ERROR ? TDI_STATE_ERROR : state;
    default:
        return state;
    }
}

bool tdi_state_bound(TDIState state)
{
    return state != TDI_STATE_CONFIG_UNLOCKED && state != TDI_STATE_HIDDEN;
}

bool tdi_state_hidden(TDIState state)
{
    return state == TDI_STATE_UNKNOWN || state == TDI_STATE_HIDDEN;
}

/*
 * Errors
 */

static const struct {
    int err;
    TDIErrorKind kind;
    const char *text;
} errors[] = {
    { EPERM, TDI_ERROR_KIND_WRONG_STATE,
      "not possible in the state that the TDI is in" },
    { EAGAIN, TDI_ERROR_KIND_NOT_READY,
      "the guest has to enable memory decode and bus mastering, and to map all "
      "BARs" },
    { ENXIO, TDI_ERROR_KIND_NO_TSM,
      "the device is not connected to a TSM; see tsm/connect in sysfs" },
    { EIO, TDI_ERROR_KIND_DEVICE, "the device or its TSM failed or refused" },
    { EOPNOTSUPP, TDI_ERROR_KIND_UNSUPPORTED, "the TSM cannot do this" },
    { ECANCELED, TDI_ERROR_KIND_CANCELED,
      "a reset or an unplug came in between" },
    { ENOTRECOVERABLE, TDI_ERROR_KIND_LOST,
      "it failed half way and could not be undone" },
};

static const struct {
    uint64_t code;
    const char *name;
} codes[] = {
    { TDISP_ERR_INVALID_REQUEST, "invalid request" },
    { TDISP_ERR_BUSY, "busy" },
    { TDISP_ERR_INVALID_INTERFACE_STATE, "invalid interface state" },
    { TDISP_ERR_UNSPECIFIED, "unspecified" },
    { TDISP_ERR_UNSUPPORTED_REQUEST, "unsupported request" },
    { TDISP_ERR_VERSION_MISMATCH, "version mismatch" },
    { TDISP_ERR_VENDOR_SPECIFIC, "vendor specific" },
    { TDISP_ERR_INVALID_INTERFACE, "invalid interface" },
    { TDISP_ERR_INVALID_NONCE, "invalid nonce" },
    { TDISP_ERR_INSUFFICIENT_ENTROPY, "insufficient entropy" },
    { TDISP_ERR_INVALID_DEVICE_CONFIG,
      "invalid device configuration" },
};

static const char *tdi_error_code_name(uint64_t code)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(codes); i++) {
        if (codes[i].code == code) {
            return codes[i].name;
        }
    }
    return "unknown";
}

TDIError *tdi_error_new(TDIOperation operation, int ret, uint64_t code)
{
    TDIError *error = g_new0(TDIError, 1);
    const char *text = strerror(-ret);
    int i;

    error->operation = operation;
    error->kind = TDI_ERROR_KIND_OTHER;
    for (i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i].err == -ret) {
            error->kind = errors[i].kind;
            text = errors[i].text;
        }
    }
    if (code) {
        error->has_tdisp_code = true;
        error->tdisp_code = code;
        error->desc = g_strdup_printf("%s: TDISP error 0x%" PRIx64 ", %s",
                                      text, code, tdi_error_code_name(code));
    } else {
        error->desc = g_strdup(text);
    }
    return error;
}

/*
 * Interface reports
 *
 * QEMU looks at a report for its own decisions only: which pages it lets the
 * guest turn private.  Whether the device is to be trusted is for the guest to
 * tell, from the same bytes, which it gets unchanged.  A report that makes no
 * sense costs the guest its private MMIO, and never widens anything.
 */

#define PAGE_BYTES (1ULL << TDISP_REPORT_PAGE_SHIFT)

/* Between two ranges: where the next one of the BAR has to begin. */
typedef struct TDIReportCursor {
    unsigned int bar;
    uint64_t base;      /* page number of the first range */
    uint64_t offset;    /* bytes of the BAR covered so far */
    unsigned int seen;  /* bit mask of BARs, @bar included */
} TDIReportCursor;

static const char *tdi_report_close_bar(const TDIReportCursor *cursor,
                                        const uint64_t *bar_sizes)
{
    if (cursor->seen && cursor->offset != bar_sizes[cursor->bar]) {
        return "the ranges of a BAR do not make up all of it";
    }
    return NULL;
}

static const char *tdi_report_range(TDIReportCursor *cursor,
                                    const uint8_t *data,
                                    const uint64_t *bar_sizes, GArray *parts)
{
    const TdispReportRange *range = (const TdispReportRange *)data;
    uint64_t page = le64_to_cpu(range->first_page);
    uint64_t size = le32_to_cpu(range->pages) * PAGE_BYTES;
    uint16_t attributes = le16_to_cpu(range->attributes);
    unsigned int bar = le16_to_cpu(range->range_id);
    const char *reason = NULL;
    TDIReportPart part;

    if (bar >= TDI_REPORT_NR_BARS || !bar_sizes[bar]) {
        return "a range is of a BAR that the device does not have";
    }
    if (!(cursor->seen & (1u << bar))) {
        reason = tdi_report_close_bar(cursor, bar_sizes);
        *cursor = (TDIReportCursor) {
            .bar = bar,
            .base = page,
            .seen = cursor->seen | (1u << bar),
        };
    } else if (bar != cursor->bar) {
        reason = "the ranges are not in the order of BARs";
    } else if (page - cursor->base != cursor->offset / PAGE_BYTES) {
        reason = "the ranges of a BAR overlap or have holes";
    }
    if (!reason && (!size || size > bar_sizes[bar] - cursor->offset)) {
        reason = "a range does not fit into its BAR";
    }
    if (reason) {
        return reason;
    }

    part = (TDIReportPart) {
        .bar = bar,
        .offset = cursor->offset,
        .size = size,
        .tee = !(attributes & (TDISP_RANGE_NON_TEE | TDISP_RANGE_MSIX_TABLE |
                               TDISP_RANGE_MSIX_PBA)),
    };
    g_array_append_val(parts, part);
    cursor->offset += size;
    return NULL;
}

static const char *tdi_report_size(const uint8_t *data, size_t size,
                                   uint32_t *count)
{
    const TdispReport *head = (const TdispReport *)data;
    size_t need = sizeof(*head) + sizeof(uint32_t);

    if (size < need || size > TDI_REPORT_MAX_SIZE) {
        return "it is too short or too long";
    }
    *count = le32_to_cpu(head->mmio_range_count);
    if (!*count) {
        return "it has no MMIO ranges";
    }
    if (*count > (size - need) / sizeof(TdispReportRange)) {
        return "it has fewer ranges than it says";
    }
    need += *count * sizeof(TdispReportRange);
    /* The device information comes last and is opaque. */
    if (ldl_le_p(data + need - sizeof(uint32_t)) != size - need) {
        return "its length is not what it says";
    }
    return NULL;
}

GArray *tdi_report_parse(const uint8_t *data, size_t size,
                         const uint64_t bar_sizes[TDI_REPORT_NR_BARS],
                         const char **reason)
{
    g_autoptr(GArray) parts = g_array_new(false, false, sizeof(TDIReportPart));
    TDIReportCursor cursor = {};
    uint32_t i, count = 0;

    *reason = tdi_report_size(data, size, &count);
    for (i = 0; i < count && !*reason; i++) {
        *reason = tdi_report_range(&cursor, data + sizeof(TdispReport) +
                                   i * sizeof(TdispReportRange),
                                   bar_sizes, parts);
    }
    if (!*reason) {
        *reason = tdi_report_close_bar(&cursor, bar_sizes);
    }
    return *reason ? NULL : g_steal_pointer(&parts);
}

bool tdi_report_allows(const GArray *parts, unsigned int bar, uint64_t offset,
                       uint64_t size)
{
    uint64_t last = offset + size - 1;
    unsigned int i;

    /* The parts of a BAR are ascending and without holes. */
    for (i = 0; parts && i < parts->len; i++) {
        const TDIReportPart *part = &g_array_index(parts, TDIReportPart, i);
        uint64_t part_last = part->offset + part->size - 1;

        if (part->bar != bar || offset < part->offset || offset > part_last) {
            continue;
        }
        if (!part->tee) {
            return false;
        }
        if (last <= part_last) {
            return true;
        }
        offset = part_last + 1;
    }
    return false;
}
