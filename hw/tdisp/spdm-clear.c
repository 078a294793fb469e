/*
 * TDISP in the clear: SPDM vendor-defined messages without a session
 *
 * TDISP must be ignored outside of a secured SPDM session (11.2.2), because
 * without one nobody knows who is asking.  This is a test vehicle for a system
 * without SPDM: it carries exactly the bytes that would be the application
 * data of a session.  A device does it only with x-tdisp-clear=on.
 *
 * Any other SPDM request gets an SPDM ERROR: there is no version negotiation,
 * no certificate and no measurement here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pcie_sriov.h"
#include "interface.h"
#include "trace.h"

/* A data object is whole double words: up to three bytes of padding. */
#define SPDM_MAX_PADDING    3
#define SPDM_MAJOR          1

static TdispInterface *tdisp_match(PCIDevice *dev, uint16_t rid)
{
    return pci_get_bdf(dev) == rid ? tdisp_of(dev) : NULL;
}

/*
 * A VF that is off has no address, except that its TDI may have to be stopped
 * after an SR-IOV write moved it to ERROR.
 */
static bool tdisp_addressable(TdispInterface *t)
{
    return t->dev->enabled ||
           t->responder.state != TDISP_STATE_CONFIG_UNLOCKED;
}

static TdispInterface *tdisp_find(TdispInterface *dsm, uint32_t function_id)
{
    uint16_t rid = function_id & TDISP_FUNCTION_RID_MASK;
    PCIDevice *pf = dsm->dev;
    TdispInterface *t;

    if ((function_id & TDISP_FUNCTION_SEGMENT_VALID) &&
        (function_id & TDISP_FUNCTION_SEGMENT_MASK)) {
        return NULL;
    }
    t = tdisp_match(pf, rid);
    if (!t && pf->exp.sriov_cap && pf->exp.sriov_pf.vf) {
        uint16_t total = pci_get_word(pf->config + pf->exp.sriov_cap +
                                      PCI_SRIOV_TOTAL_VF);

        for (int i = 0; i < total && !t; i++) {
            t = tdisp_match(pf->exp.sriov_pf.vf[i], rid);
        }
    }
    return t && tdisp_addressable(t) ? t : NULL;
}

static size_t tdisp_spdm_error(const TdispSpdmHeader *req, uint8_t code,
                               uint8_t data, uint8_t *rsp)
{
    *(TdispSpdmHeader *)rsp = (TdispSpdmHeader) {
        .spdm_version = req->spdm_version,
        .code = SPDM_ERROR,
        .param1 = code,
        .param2 = data,
    };
    return sizeof(TdispSpdmHeader);
}

/* 0 and the TDISP message's length, or the SPDM error code. */
static uint8_t tdisp_spdm_decode(const TdispSpdmVendorMsg *msg, size_t len,
                                 size_t *tdisp_len)
{
    const size_t prefix = offsetof(TdispSpdmVendorMsg, protocol_id);
    size_t payload;

    if (msg->spdm.spdm_version >> 4 != SPDM_MAJOR) {
        return SPDM_ERR_VERSION_MISMATCH;
    }
    if (msg->spdm.code != SPDM_VENDOR_DEFINED_REQUEST) {
        return SPDM_ERR_UNSUPPORTED_REQUEST;
    }
    if (len < sizeof(*msg)) {
        return SPDM_ERR_INVALID_REQUEST;
    }
    if (le16_to_cpu(msg->standard_id) != SPDM_STANDARD_ID_PCI_SIG ||
        msg->vendor_id_len != sizeof(msg->vendor_id) ||
        le16_to_cpu(msg->vendor_id) != SPDM_PCI_SIG_VENDOR_ID ||
        msg->protocol_id != SPDM_PCI_PROTOCOL_TDISP) {
        return SPDM_ERR_UNSUPPORTED_REQUEST;
    }
    payload = le16_to_cpu(msg->payload_len);
    if (!payload || payload > len - prefix ||
        len - prefix - payload > SPDM_MAX_PADDING) {
        return SPDM_ERR_INVALID_REQUEST;
    }
    *tdisp_len = payload - 1;
    return 0;
}

static void tdisp_trace_answer(TdispInterface *dsm, uint32_t function_id,
                               const uint8_t *req, const uint8_t *rsp,
                               size_t rsp_len)
{
    const TdispErrorRsp *error = (const TdispErrorRsp *)rsp;
    uint32_t code = error->hdr.type == TDISP_ERROR ? le32_to_cpu(error->code)
                                                   : 0;

    trace_tdisp_respond(dsm->dev->name, function_id, req[1], error->hdr.type,
                        code, rsp_len);
}

size_t tdisp_spdm_respond(TdispInterface *t, const uint8_t *req, size_t len,
                          uint8_t *rsp)
{
    TdispSpdmVendorMsg *out = (TdispSpdmVendorMsg *)rsp;
    TdispSpdmVendorMsg in = { };
    TdispInterface *target = NULL;
    TdispHeader hdr = { };
    size_t tdisp_len, rsp_len;
    uint8_t err;

    memcpy(&in, req, MIN(len, sizeof(in)));
    err = tdisp_spdm_decode(&in, len, &tdisp_len);
    if (err) {
        trace_tdisp_spdm_error(t->dev->name, in.spdm.code, err);
        return tdisp_spdm_error(&in.spdm, err, in.spdm.code, rsp);
    }

    memcpy(&hdr, req + sizeof(in), MIN(tdisp_len, sizeof(hdr)));
    if (tdisp_len >= sizeof(hdr)) {
        target = tdisp_find(t, le32_to_cpu(hdr.function_id));
    }
    if (target) {
        tdisp_check_rid(target);
    }
    rsp_len = tdisp_respond(target ? &target->responder : NULL,
                            req + sizeof(in), tdisp_len, rsp + sizeof(*out));
    tdisp_trace_answer(t, le32_to_cpu(hdr.function_id), (uint8_t *)&hdr,
                       rsp + sizeof(*out), rsp_len);

    *out = in;
    out->spdm.code = SPDM_VENDOR_DEFINED_RESPONSE;
    out->spdm.param1 = 0;
    out->spdm.param2 = 0;
    out->payload_len = cpu_to_le16(rsp_len + 1);
    return sizeof(*out) + rsp_len;
}
