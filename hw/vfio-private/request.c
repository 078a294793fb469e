/*
 * Requests of a guest about its TEE-I/O devices: TDCM
 *
 * One format for all kinds of guests, see linux/tdcm.h.  A request is decoded
 * without changing anything, then invoked.  The header is read once, into
 * memory of QEMU's own; nothing is read from the guest after that.  The reply
 * is written to the guest in one go, and the status, which another vCPU may be
 * polling, after that.
 *
 * Neither reports nor anything else that is passed on is logged or traced.
 *
 * To add an operation: a row in "operations", and a function that gets the
 * binding and fills in the reply.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>

#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "hw/tdisp/tdisp.h"
#include "request.h"
#include "trace.h"

#define TDCM_PAGE_SIZE 4096ULL

QEMU_BUILD_BUG_ON(sizeof(struct tdcm_buffer) != 20);

/* What an operation has come to. */
typedef struct TDCMReply {
    uint8_t status;
    uint8_t error;
    GByteArray *data;
} TDCMReply;

typedef int TDCMOperationFn(TDIBinding *binding, TDCMReply *reply,
                            uint64_t *code);

static int tdcm_reply_byte(TDCMReply *reply, uint8_t byte)
{
    g_byte_array_append(reply->data, &byte, 1);
    return 0;
}

static int tdcm_check(TDIBinding *binding, TDCMReply *reply, uint64_t *code)
{
    return tdcm_reply_byte(reply, tdi_binding_connected(binding));
}

static int tdcm_bind(TDIBinding *binding, TDCMReply *reply, uint64_t *code)
{
    return tdi_binding_bind(binding, TDI_REASON_GUEST);
}

static int tdcm_get_report(TDIBinding *binding, TDCMReply *reply,
                           uint64_t *code)
{
    GByteArray *report;
    int ret = tdi_binding_report(binding, &report, code);

    if (!ret) {
        g_byte_array_unref(reply->data);
        reply->data = report;
    }
    return ret;
}

static int tdcm_start(TDIBinding *binding, TDCMReply *reply, uint64_t *code)
{
    return tdi_binding_start(binding, TDI_REASON_GUEST, code);
}

static int tdcm_get_state(TDIBinding *binding, TDCMReply *reply,
                          uint64_t *code)
{
    int ret = tdi_binding_query(binding, TDI_REASON_GUEST, code);

    if (ret) {
        return ret;
    }
    switch (binding->state) {
    case TDI_STATE_CONFIG_UNLOCKED:
        return tdcm_reply_byte(reply, TDISP_STATE_CONFIG_UNLOCKED);
    case TDI_STATE_CONFIG_LOCKED:
        return tdcm_reply_byte(reply, TDISP_STATE_CONFIG_LOCKED);
    case TDI_STATE_RUN:
        return tdcm_reply_byte(reply, TDISP_STATE_RUN);
    case TDI_STATE_ERROR:
    case TDI_STATE_UNKNOWN:
        /* What is unknown can only be unbound, just like what has failed. */
        return tdcm_reply_byte(reply, TDISP_STATE_ERROR);
    default:
        g_assert_not_reached();
    }
}

static int tdcm_unbind(TDIBinding *binding, TDCMReply *reply, uint64_t *code)
{
    return tdi_binding_unbind(binding, TDI_REASON_GUEST);
}

/* Optional, and there is nothing that the host keeps about a device. */
static int tdcm_get_dev_info(TDIBinding *binding, TDCMReply *reply,
                             uint64_t *code)
{
    return -EOPNOTSUPP;
}

static const struct {
    const char *name;
    TDCMOperationFn *fn;
} operations[] = {
    [TDCM_OP_CHECK_TEEIO_SUPP] = { "check", tdcm_check },
    [TDCM_OP_BIND] = { "bind", tdcm_bind },
    [TDCM_OP_GET_DEV_INFO] = { "get-dev-info", tdcm_get_dev_info },
    [TDCM_OP_GET_TDI_REPORT] = { "get-report", tdcm_get_report },
    [TDCM_OP_START_TDI] = { "start", tdcm_start },
    [TDCM_OP_GET_TDI_STATE] = { "get-state", tdcm_get_state },
    [TDCM_OP_UNBIND] = { "unbind", tdcm_unbind },
};

/* How the guest is told of an errno. */
static uint8_t tdcm_error(int ret, uint64_t code)
{
    if (code == TDISP_ERR_INVALID_INTERFACE_STATE) {
        return TDCM_ERROR_INVALID_STATE;
    }
    if (code) {
        return TDCM_ERROR_TDISP;
    }
    switch (-ret) {
    case EPERM:
    case EBUSY:
    case EAGAIN:
    case ECANCELED:
        return TDCM_ERROR_INVALID_STATE;
    case EIO:
    case EOPNOTSUPP:
        return TDCM_ERROR_DEVICE;
    default:
        return TDCM_ERROR_TDX_MODULE;
    }
}

static bool tdcm_decode_header(const struct tdcm_buffer *in, uint64_t size)
{
    return in->version == TDCM_VERSION && !in->rsvd0 && !in->rsvd1 &&
           in->status == TDCM_STATUS_WAIT && !in->error && !in->rsvd2 &&
           !in->rsvd3 && le32_to_cpu(in->data_length) <= size - sizeof(*in);
}

static void tdcm_invoke(TDIBinding *binding, const struct tdcm_buffer *in,
                        TDCMReply *reply)
{
    uint16_t op = le16_to_cpu(in->operation);
    const char *name = op < ARRAY_SIZE(operations) && operations[op].name ?
                       operations[op].name : "?";
    uint64_t code = 0;
    int ret = -EOPNOTSUPP;

    trace_vfio_private_request_begin(binding->name, op, name);
    if (op < ARRAY_SIZE(operations) && operations[op].fn) {
        ret = operations[op].fn(binding, reply, &code);
    }
    if (!ret && reply->data->len > le32_to_cpu(in->data_length)) {
        ret = -ENOSPC;
    }
    reply->status = ret ? TDCM_STATUS_ERROR : TDCM_STATUS_COMPLETED;
    if (ret) {
        reply->error = tdcm_error(ret, code);
        g_byte_array_set_size(reply->data, 0);
    }
    trace_vfio_private_request(binding->name, op, name,
                               TDIState_str(binding->state), ret, code,
                               reply->data->len);
}

static void tdcm_write_reply(const TDCMGuest *guest, const TDCMCall *call,
                             const struct tdcm_buffer *in, TDCMReply *reply)
{
    struct tdcm_buffer out = *in;
    hwaddr status = call->gpa + offsetof(struct tdcm_buffer, status);
    bool ok;

    out.error = reply->error;
    out.data_length = cpu_to_le32(reply->data->len);
    g_byte_array_prepend(reply->data, (uint8_t *)&out, sizeof(out));

    ok = guest->write(call->gpa, reply->data->data, reply->data->len);
    /* Pairs with the guest, which reads the status before the rest. */
    smp_wmb();
    ok = ok && guest->write(status, &reply->status, sizeof(reply->status));
    if (!ok) {
        qemu_log_mask(LOG_GUEST_ERROR, "TDCM: the buffer at 0x%" HWADDR_PRIx
                      " has gone, the reply is lost\n", call->gpa);
    }
    memset(reply->data->data, 0, reply->data->len);
}

static int tdcm_decode(const TDCMGuest *guest, const TDCMCall *call,
                       struct tdcm_buffer *in, TDIBinding **binding)
{
    if (call->size < TDCM_PAGE_SIZE ||
        call->size > TDCM_BUFFER_PAGES_MAX * TDCM_PAGE_SIZE ||
        (call->size | call->gpa) & (TDCM_PAGE_SIZE - 1) ||
        call->gpa + call->size < call->gpa || call->devid > UINT32_MAX) {
        return -EINVAL;
    }
    if (call->vector) {
        return -EOPNOTSUPP;
    }
    if (!guest->shared(call->gpa, call->size) ||
        !guest->read(call->gpa, in, sizeof(*in)) ||
        !tdcm_decode_header(in, call->size)) {
        return -EINVAL;
    }
    *binding = guest->find(call->devid);
    return *binding ? 0 : -EINVAL;
}

int vfio_private_request(const TDCMGuest *guest, const TDCMCall *call)
{
    TDCMReply reply = {};
    struct tdcm_buffer in;
    TDIBinding *binding;
    int ret = tdcm_decode(guest, call, &in, &binding);

    if (ret) {
        trace_vfio_private_request_refused(call->devid, call->gpa, call->size,
                                           call->vector, ret);
        qemu_log_mask(LOG_GUEST_ERROR, "TDCM: device 0x%" PRIx64 ", buffer 0x%"
                      PRIx64 " + 0x%" PRIx64 ", vector %" PRIu64
                      ": not a request\n", call->devid, call->gpa, call->size,
                      call->vector);
        return ret;
    }
    reply.data = g_byte_array_new();
    tdcm_invoke(binding, &in, &reply);
    tdcm_write_reply(guest, call, &in, &reply);
    g_byte_array_unref(reply.data);
    guest->put(binding);
    return 0;
}
