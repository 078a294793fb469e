/*
 * TDISP responder: one TDI's state machine and its answers
 *
 * Pure: no QOM, no PCI, no global.  The owner supplies what touches a device
 * through TdispResponderOps and serialises all calls (in QEMU: the BQL).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_TDISP_RESPONDER_H
#define HW_TDISP_RESPONDER_H

#include "tdisp.h"

typedef uint8_t TdispState; /* TDISP_STATE_* */

/* Terms that LOCK_INTERFACE fixed; valid in CONFIG_LOCKED and RUN. */
typedef struct TdispLock {
    uint16_t flags;            /* TDISP_LOCK_* */
    uint8_t stream_id;
    uint64_t reporting_offset; /* bytes, added modulo 2^64 */
} TdispLock;

/* Test knobs: how this responder misbehaves, see docs/specs/tdisp.rst */
typedef struct TdispFaults {
    uint32_t refuse_lock;      /* TDISP_ERR_* to answer LOCK with, 0 = none */
    bool wrong_nonce;          /* LOCK hands out a nonce that START refuses */
    bool short_report;         /* the report ends after half of its bytes */
    bool single_bytes;         /* a portion of the report has one byte */
} TdispFaults;

/*
 * What a responder needs from its device.  Guarantees towards each op:
 *
 * @lock is called in CONFIG_UNLOCKED only, with known flags.  It checks the
 *   configuration first and changes nothing when it refuses.  On success all
 *   work and DMA of the device has been aborted or is done.
 *   Returns: 0, or the TDISP_ERR_* of the refusal.
 * @report is called right after a successful @lock.
 *   Returns: the interface report, never longer than 65535 bytes.
 * @random fills a buffer.  Returns: false without entropy.
 * @changed is called when @state has just changed.  On a move to ERROR it
 *   aborts all work and DMA before it returns.
 * @scrub is called before a move from any other state to CONFIG_UNLOCKED: it
 *   aborts all work and DMA and wipes what the TVM left in the device.
 */
typedef struct TdispResponderOps {
    uint32_t (*lock)(void *opaque, const TdispLock *lock);
    GByteArray *(*report)(void *opaque, const TdispLock *lock);
    bool (*random)(void *opaque, void *buf, size_t len);
    void (*changed)(void *opaque, TdispState from, const char *reason);
    void (*scrub)(void *opaque);
} TdispResponderOps;

typedef struct TdispResponder {
    const TdispResponderOps *ops;
    void *opaque;
    uint16_t lock_flags_supported;

    TdispState state;
    TdispLock lock;
    bool nonce_valid;
    uint8_t nonce[TDISP_NONCE_SIZE];
    GByteArray *report;        /* non-NULL in CONFIG_LOCKED and RUN */
    uint32_t report_pos;       /* bytes handed out so far */

    TdispFaults faults;
} TdispResponder;

/* Largest answer that tdisp_respond() can give. */
#define TDISP_RESPONSE_MAX  (sizeof(TdispReportRsp) + TDISP_PORTION_MAX)
/* A portion that still fits the 16-bit length of a vendor-defined message. */
#define TDISP_PORTION_MAX   0xf000

void tdisp_responder_init(TdispResponder *r, const TdispResponderOps *ops,
                          void *opaque, uint16_t lock_flags_supported);
/* Frees what @r holds; @r may be initialised again.  Idempotent. */
void tdisp_responder_fini(TdispResponder *r);

/*
 * tdisp_respond: answer one request
 *
 * @r: the TDI that INTERFACE_ID names, NULL if there is none
 * @req, @req_len: the request, any bytes
 * @rsp: out, at least TDISP_RESPONSE_MAX bytes
 *
 * Returns: the length of the answer.  There always is one.
 */
size_t tdisp_respond(TdispResponder *r, const void *req, size_t req_len,
                     void *rsp);

/*
 * tdisp_responder_error: move to ERROR from CONFIG_LOCKED or RUN
 *
 * @reason: a constant string for traces
 *
 * Returns: true if the state changed.
 */
bool tdisp_responder_error(TdispResponder *r, const char *reason);

/* Scrubs and moves to CONFIG_UNLOCKED.  Idempotent. */
void tdisp_responder_unlock(TdispResponder *r, const char *reason);

/* True in CONFIG_LOCKED and RUN (what 11.2 calls locked). */
bool tdisp_responder_is_locked(const TdispResponder *r);

const char *tdisp_state_name(TdispState state);

#endif /* HW_TDISP_RESPONDER_H */
