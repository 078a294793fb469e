/*
 * TDISP responder: one TDI's state machine and its answers
 *
 *   CONFIG_UNLOCKED --LOCK--> CONFIG_LOCKED --START(nonce)--> RUN
 *        ^                         |                           |
 *        |                         +------ a broken rule ------+
 *        |                                     |
 *        +--STOP (from every state)--------- ERROR
 *
 * A request passes five gates in this order, and the first that it fails names
 * the error: version, interface, known code, length, state.  Only then does
 * its handler look at the fields.  A handler that refuses has changed nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "responder.h"

#define IN(state)       (1u << (state))
#define IN_ANY          0xfu
#define IN_LOCKED       (IN(TDISP_STATE_CONFIG_LOCKED) | IN(TDISP_STATE_RUN))

typedef struct TdispRequest {
    uint8_t code;
    uint8_t states;             /* mask of IN() */
    uint8_t len;                /* exact length in bytes */
    /* Fills @rsp; the length of the answer is in *@len.  0 or TDISP_ERR_*. */
    uint32_t (*handle)(TdispResponder *r, const void *req, void *rsp,
                       size_t *len);
} TdispRequest;

static const char *const tdisp_state_names[] = {
    [TDISP_STATE_CONFIG_UNLOCKED] = "CONFIG_UNLOCKED",
    [TDISP_STATE_CONFIG_LOCKED] = "CONFIG_LOCKED",
    [TDISP_STATE_RUN] = "RUN",
    [TDISP_STATE_ERROR] = "ERROR",
};

const char *tdisp_state_name(TdispState state)
{
    return state < ARRAY_SIZE(tdisp_state_names) ? tdisp_state_names[state]
                                                 : "unknown";
}

bool tdisp_responder_is_locked(const TdispResponder *r)
{
    return IN(r->state) & IN_LOCKED;
}

/* What a TDI may only know while it is locked. */
static void tdisp_forget(TdispResponder *r)
{
    r->nonce_valid = false;
    memset(r->nonce, 0, sizeof(r->nonce));
    memset(&r->lock, 0, sizeof(r->lock));
    r->report_pos = 0;
    if (r->report) {
        g_byte_array_unref(r->report);
        r->report = NULL;
    }
}

static void tdisp_move(TdispResponder *r, TdispState to, const char *reason)
{
    TdispState from = r->state;

    r->state = to;
    r->ops->changed(r->opaque, from, reason);
}

bool tdisp_responder_error(TdispResponder *r, const char *reason)
{
    if (!tdisp_responder_is_locked(r)) {
        return false;
    }
    /* The lock flags go last: they say which ranges @changed must close. */
    tdisp_move(r, TDISP_STATE_ERROR, reason);
    tdisp_forget(r);
    return true;
}

void tdisp_responder_unlock(TdispResponder *r, const char *reason)
{
    if (r->state == TDISP_STATE_CONFIG_UNLOCKED) {
        return;
    }
    r->ops->scrub(r->opaque);
    tdisp_forget(r);
    tdisp_move(r, TDISP_STATE_CONFIG_UNLOCKED, reason);
}

static uint32_t tdisp_get_version(TdispResponder *r, const void *req,
                                  void *rsp, size_t *len)
{
    TdispVersionRsp *msg = rsp;

    msg->count = 1;
    msg->versions[0] = TDISP_VERSION_1_0;
    *len = sizeof(*msg);
    return 0;
}

static void tdisp_supported_requests(uint8_t *bitmap);

static uint32_t tdisp_get_capabilities(TdispResponder *r, const void *req,
                                       void *rsp, size_t *len)
{
    TdispCapabilitiesRsp *msg = rsp;

    tdisp_supported_requests(msg->req_msgs_supported);
    msg->lock_flags_supported = cpu_to_le16(r->lock_flags_supported);
    msg->dev_addr_width = 64;
    msg->num_req_this = 1;
    msg->num_req_all = 1;
    *len = sizeof(*msg);
    return 0;
}

/* Everything about LOCK that the message alone decides. */
static uint32_t tdisp_decode_lock(TdispResponder *r, const TdispLockReq *msg,
                                  TdispLock *lock)
{
    lock->flags = le16_to_cpu(msg->flags);
    lock->stream_id = msg->default_stream_id;
    lock->reporting_offset = le64_to_cpu(msg->mmio_reporting_offset);

    if (lock->flags & ~r->lock_flags_supported) {
        return TDISP_ERR_INVALID_REQUEST;
    }
    /* A page number cannot report less than a page. */
    if (lock->reporting_offset & ((1u << TDISP_REPORT_PAGE_SHIFT) - 1)) {
        return TDISP_ERR_INVALID_REQUEST;
    }
    if (msg->bind_p2p_address_mask && !(lock->flags & TDISP_LOCK_BIND_P2P)) {
        return TDISP_ERR_INVALID_REQUEST;
    }
    return r->faults.refuse_lock;
}

static uint32_t tdisp_lock_interface(TdispResponder *r, const void *req,
                                     void *rsp, size_t *len)
{
    TdispNonceMsg *msg = rsp;
    uint8_t nonce[TDISP_NONCE_SIZE];
    TdispLock lock;
    uint32_t err;

    err = tdisp_decode_lock(r, req, &lock);
    if (err) {
        return err;
    }
    if (!r->ops->random(r->opaque, nonce, sizeof(nonce))) {
        return TDISP_ERR_INSUFFICIENT_ENTROPY;
    }
    err = r->ops->lock(r->opaque, &lock);
    if (err) {
        return err;
    }

    r->lock = lock;
    r->report = r->ops->report(r->opaque, &lock);
    if (r->faults.short_report) {
        g_byte_array_set_size(r->report, r->report->len / 2);
    }
    memcpy(r->nonce, nonce, sizeof(nonce));
    r->nonce_valid = true;
    tdisp_move(r, TDISP_STATE_CONFIG_LOCKED, "LOCK_INTERFACE");

    memcpy(msg->nonce, nonce, sizeof(nonce));
    if (r->faults.wrong_nonce) {
        msg->nonce[0] ^= 1;
    }
    *len = sizeof(*msg);
    return 0;
}

static uint32_t tdisp_get_report(TdispResponder *r, const void *req,
                                 void *rsp, size_t *len)
{
    const TdispReportReq *in = req;
    TdispReportRsp *out = rsp;
    uint32_t offset = le16_to_cpu(in->offset);
    uint32_t length = le16_to_cpu(in->length);

    /*
     * Portions come in order (11.3.10): an offset is the sum of the lengths
     * handed out so far, or 0 to start anew.
     */
    if (offset && offset != r->report_pos) {
        return TDISP_ERR_INVALID_REQUEST;
    }
    if (!length || offset >= r->report->len) {
        return TDISP_ERR_INVALID_REQUEST;
    }

    length = MIN(length, MIN(r->report->len - offset,
                             r->faults.single_bytes ? 1 : TDISP_PORTION_MAX));
    memcpy(out + 1, r->report->data + offset, length);
    r->report_pos = offset + length;
    out->portion_length = cpu_to_le16(length);
    out->remainder_length = cpu_to_le16(r->report->len - r->report_pos);
    *len = sizeof(*out) + length;
    return 0;
}

static uint32_t tdisp_get_state(TdispResponder *r, const void *req,
                                void *rsp, size_t *len)
{
    TdispStateRsp *msg = rsp;

    msg->state = r->state;
    *len = sizeof(*msg);
    return 0;
}

static uint32_t tdisp_start_interface(TdispResponder *r, const void *req,
                                      void *rsp, size_t *len)
{
    const TdispNonceMsg *msg = req;
    uint8_t diff = !r->nonce_valid;

    /* The same time whichever byte differs. */
    for (int i = 0; i < TDISP_NONCE_SIZE; i++) {
        diff |= msg->nonce[i] ^ r->nonce[i];
    }
    if (diff) {
        return TDISP_ERR_INVALID_NONCE;
    }

    /* Single use (11.3.9). */
    r->nonce_valid = false;
    memset(r->nonce, 0, sizeof(r->nonce));
    tdisp_move(r, TDISP_STATE_RUN, "START_INTERFACE");
    return 0;
}

static uint32_t tdisp_stop_interface(TdispResponder *r, const void *req,
                                     void *rsp, size_t *len)
{
    tdisp_responder_unlock(r, "STOP_INTERFACE");
    return 0;
}

/*
 * To add a request: its row here (the capabilities' bitmap follows from it),
 * its structure in tdisp.h, its row in docs/specs/tdisp.rst.  What is not here
 * answers UNSUPPORTED_REQUEST: the peer-to-peer streams, SET_MMIO_ATTRIBUTE,
 * VDM_REQUEST and SET_TDISP_CONFIG, all of them optional.
 */
static const TdispRequest tdisp_requests[] = {
    { TDISP_GET_VERSION, IN_ANY, sizeof(TdispHeader), tdisp_get_version },
    { TDISP_GET_CAPABILITIES, IN_ANY, sizeof(TdispCapabilitiesReq),
      tdisp_get_capabilities },
    { TDISP_LOCK_INTERFACE, IN(TDISP_STATE_CONFIG_UNLOCKED),
      sizeof(TdispLockReq), tdisp_lock_interface },
    { TDISP_GET_DEVICE_INTERFACE_REPORT, IN_LOCKED, sizeof(TdispReportReq),
      tdisp_get_report },
    { TDISP_GET_DEVICE_INTERFACE_STATE, IN_ANY, sizeof(TdispHeader),
      tdisp_get_state },
    { TDISP_START_INTERFACE, IN(TDISP_STATE_CONFIG_LOCKED),
      sizeof(TdispNonceMsg), tdisp_start_interface },
    { TDISP_STOP_INTERFACE, IN_ANY, sizeof(TdispHeader),
      tdisp_stop_interface },
};

static void tdisp_supported_requests(uint8_t *bitmap)
{
    for (size_t i = 0; i < ARRAY_SIZE(tdisp_requests); i++) {
        uint8_t bit = tdisp_requests[i].code & 0x7f;

        bitmap[bit / 8] |= 1 << (bit % 8);
    }
}

static const TdispRequest *tdisp_find_request(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(tdisp_requests); i++) {
        if (tdisp_requests[i].code == code) {
            return &tdisp_requests[i];
        }
    }
    return NULL;
}

static uint32_t tdisp_invoke(TdispResponder *r, const TdispHeader *hdr,
                             const void *req, size_t req_len,
                             void *rsp, size_t *len)
{
    const TdispRequest *request = tdisp_find_request(hdr->type);

    if (req_len < sizeof(*hdr)) {
        return TDISP_ERR_INVALID_REQUEST;
    }
    /* GET_VERSION finds the common version, so it takes any of this major. */
    if (hdr->version != TDISP_VERSION_1_0 &&
        (hdr->type != TDISP_GET_VERSION ||
         hdr->version >> 4 != TDISP_VERSION_1_0 >> 4)) {
        return TDISP_ERR_VERSION_MISMATCH;
    }
    if (!r) {
        return TDISP_ERR_INVALID_INTERFACE;
    }
    if (!request) {
        return TDISP_ERR_UNSUPPORTED_REQUEST;
    }
    if (req_len != request->len) {
        return TDISP_ERR_INVALID_REQUEST;
    }
    if (!(request->states & IN(r->state))) {
        return TDISP_ERR_INVALID_INTERFACE_STATE;
    }
    return request->handle(r, req, rsp, len);
}

static void tdisp_answer_header(TdispHeader *out, const TdispHeader *in,
                                uint8_t type)
{
    *out = (TdispHeader) {
        .version = TDISP_VERSION_1_0,
        .type = type,
        .function_id = in->function_id,
    };
    memcpy(out->interface_reserved, in->interface_reserved,
           sizeof(out->interface_reserved));
}

size_t tdisp_respond(TdispResponder *r, const void *req, size_t req_len,
                     void *rsp)
{
    TdispErrorRsp *error = rsp;
    size_t len = sizeof(TdispHeader);
    TdispHeader hdr = { };
    uint32_t err;

    memcpy(&hdr, req, MIN(req_len, sizeof(hdr)));
    memset(rsp, 0, sizeof(TdispNonceMsg));
    err = tdisp_invoke(r, &hdr, req, req_len, rsp, &len);
    if (!err) {
        tdisp_answer_header(rsp, &hdr, TDISP_RESPONSE(hdr.type));
        return len;
    }

    memset(error, 0, sizeof(*error));
    tdisp_answer_header(&error->hdr, &hdr, TDISP_ERROR);
    error->code = cpu_to_le32(err);
    if (err == TDISP_ERR_UNSUPPORTED_REQUEST) {
        error->data = cpu_to_le32(hdr.type);
    }
    return sizeof(*error);
}

void tdisp_responder_init(TdispResponder *r, const TdispResponderOps *ops,
                          void *opaque, uint16_t lock_flags_supported)
{
    memset(r, 0, sizeof(*r));
    r->ops = ops;
    r->opaque = opaque;
    r->lock_flags_supported = lock_flags_supported;
}

void tdisp_responder_fini(TdispResponder *r)
{
    tdisp_forget(r);
}
