/*
 * Requests of a guest about its TEE-I/O devices: TDCM
 *
 * One format for all kinds of guests, see linux/tdcm.h.  A request is decoded
 * without changing anything, then becomes one in the queue of its device.  The
 * header is read once, into memory of QEMU's own; nothing is read from the
 * guest after that.  The reply is written to the guest in one go, and the
 * status, which the guest may be polling, after that, and the interrupt last.
 *
 * Memory of a VM that is stopped is left alone: its replies are held back until
 * it runs.  Those to a guest that was reset meanwhile are dropped.
 *
 * Neither reports nor anything else that is passed on is logged or traced.
 *
 * To add an operation: a row in "operations", and its reply in tdcm_reply().
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>

#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "hw/tdisp/tdisp.h"
#include "system/runstate.h"
#include "request.h"
#include "trace.h"

#define TDCM_PAGE_SIZE 4096ULL

/* Those below are the CPU's exceptions. */
#define TDCM_VECTOR_MIN 32

QEMU_BUILD_BUG_ON(sizeof(struct tdcm_buffer) != 20);

/**
 * struct TDCMRequest - a request of the guest, until it has its answer
 *
 * @tdi: what the queue does
 * @call: where it came from
 * @in: the header
 * @boot: which life of the VM it came from
 * @refs: one for the vCPU, one for whoever is going to answer
 * @ended: it needs no vCPU any more
 * @held: in the list of those that wait until the VM runs
 *
 * Guarded by the BQL.
 */
typedef struct TDCMRequest {
    TDIRequest tdi;
    TDCMCall call;
    struct tdcm_buffer in;
    unsigned int boot;
    unsigned int refs;
    bool ended;
    QSIMPLEQ_ENTRY(TDCMRequest) held;
} TDCMRequest;

static QSIMPLEQ_HEAD(, TDCMRequest) tdcm_held =
    QSIMPLEQ_HEAD_INITIALIZER(tdcm_held);
static unsigned int tdcm_boot;

static void tdcm_unref(TDCMRequest *request)
{
    if (!--request->refs) {
        g_clear_pointer(&request->tdi.report, g_byte_array_unref);
        g_free(request);
    }
}

#define TDCM_OPERATION(name, operation) \
    { name, true, TDI_OPERATION_##operation }

static const struct {
    const char *name;
    bool supported;
    TDIOperation operation;
} operations[] = {
    [TDCM_OP_CHECK_TEEIO_SUPP] = TDCM_OPERATION("check", CHECK),
    [TDCM_OP_BIND] = TDCM_OPERATION("bind", BIND),
    /* Optional, and there is nothing that the host keeps about a device. */
    [TDCM_OP_GET_DEV_INFO] = { "get-dev-info" },
    [TDCM_OP_GET_TDI_REPORT] = TDCM_OPERATION("get-report", READ_REPORT),
    [TDCM_OP_START_TDI] = TDCM_OPERATION("start", START),
    [TDCM_OP_GET_TDI_STATE] = TDCM_OPERATION("get-state", GET_STATE),
    [TDCM_OP_UNBIND] = TDCM_OPERATION("unbind", UNBIND),
    [TDCM_OP_ENABLE_DMA] = TDCM_OPERATION("enable-dma", ENABLE_DMA),
    [TDCM_OP_DISABLE_DMA] = TDCM_OPERATION("disable-dma", DISABLE_DMA),
};

static const char *tdcm_name(uint16_t op)
{
    return op < ARRAY_SIZE(operations) && operations[op].name ?
           operations[op].name : "?";
}

/*
 * The answer
 */

QEMU_BUILD_BUG_ON((int)TDI_STATE_ERROR != TDISP_STATE_ERROR);

static GByteArray *tdcm_reply(TDCMRequest *request)
{
    const TDIBinding *binding = request->tdi.binding;
    GByteArray *data = g_byte_array_new();
    uint8_t byte;

    switch (request->tdi.operation) {
    case TDI_OPERATION_CHECK:
        byte = 0;
        if (binding->connected) {
            byte = TDCM_SUPP_TEEIO;
            byte |= binding->has_dma ? TDCM_SUPP_PRIVATE_DMA : 0;
        }
        return g_byte_array_append(data, &byte, 1);
    case TDI_OPERATION_GET_STATE:
        /* The rest can only be unbound, just like what has failed. */
        byte = MIN(binding->state, TDI_STATE_ERROR);
        return g_byte_array_append(data, &byte, 1);
    case TDI_OPERATION_READ_REPORT:
        g_byte_array_unref(data);
        return g_steal_pointer(&request->tdi.report);
    default:
        return data;
    }
}

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

static void tdcm_write(const TDCMRequest *request, uint8_t status,
                       uint8_t error, GByteArray *data)
{
    struct tdcm_buffer out = request->in;
    hwaddr gpa = request->call.gpa;
    bool ok;

    out.error = error;
    out.data_length = cpu_to_le32(data->len);
    g_byte_array_prepend(data, (uint8_t *)&out, sizeof(out));

    ok = tdcm_guest_write(gpa, data->data, data->len);
    /* Pairs with the guest, which reads the status before the rest. */
    smp_wmb();
    ok = ok && tdcm_guest_write(gpa + offsetof(struct tdcm_buffer, status),
                                &status, sizeof(status));
    if (!ok) {
        qemu_log_mask(LOG_GUEST_ERROR, "TDCM: the buffer at 0x%" HWADDR_PRIx
                      " has gone, the reply is lost\n", gpa);
    }
    memset(data->data, 0, data->len);
}

static void tdcm_answer(TDCMRequest *request)
{
    const TDIRequest *tdi = &request->tdi;
    uint16_t op = le16_to_cpu(request->in.operation);
    int ret = tdi->ret;
    GByteArray *data = ret ? g_byte_array_new() : tdcm_reply(request);

    if (data->len > le32_to_cpu(request->in.data_length)) {
        g_byte_array_set_size(data, 0);
        ret = -ENOSPC;
    }
    trace_vfio_private_request(tdi->binding->name, op, tdcm_name(op),
                               TDIState_str(tdi->binding->state), ret,
                               tdi->code, data->len);
    tdcm_write(request, ret ? TDCM_STATUS_ERROR : TDCM_STATUS_COMPLETED,
               ret ? tdcm_error(ret, tdi->code) : 0, data);
    g_byte_array_unref(data);
    if (request->call.vector) {
        tdcm_guest_interrupt(request->call.apic_id, request->call.vector);
    }
}

static void tdcm_done(TDIRequest *tdi)
{
    TDCMRequest *request = container_of(tdi, TDCMRequest, tdi);

    request->ended = true;
    if (request->boot != tdcm_boot) {
        tdcm_unref(request);
    } else if (!runstate_is_running()) {
        tdi->binding->ops->ref(tdi->binding->opaque);
        QSIMPLEQ_INSERT_TAIL(&tdcm_held, request, held);
    } else {
        tdcm_answer(request);
        tdcm_unref(request);
    }
}

static void tdcm_release_held(bool answer)
{
    TDCMRequest *request;

    while ((request = QSIMPLEQ_FIRST(&tdcm_held))) {
        TDIBinding *binding = request->tdi.binding;

        QSIMPLEQ_REMOVE_HEAD(&tdcm_held, held);
        if (answer) {
            tdcm_answer(request);
        }
        tdcm_unref(request);
        binding->ops->unref(binding->opaque);
    }
}

void vfio_private_request_resume(void)
{
    tdcm_release_held(true);
}

void vfio_private_request_reset(void)
{
    tdcm_boot++;
    tdcm_release_held(false);
}

/*
 * The request
 */

static bool tdcm_decode_header(const struct tdcm_buffer *in, uint64_t size)
{
    return in->version == TDCM_VERSION && !in->rsvd0 && !in->rsvd1 &&
           in->status == TDCM_STATUS_WAIT && !in->error && !in->rsvd2 &&
           !in->rsvd3 && le32_to_cpu(in->data_length) <= size - sizeof(*in);
}

static int tdcm_decode(const TDCMCall *call, struct tdcm_buffer *in,
                       TDIBinding **binding)
{
    if (call->size < TDCM_PAGE_SIZE ||
        call->size > TDCM_BUFFER_PAGES_MAX * TDCM_PAGE_SIZE ||
        (call->size | call->gpa) & (TDCM_PAGE_SIZE - 1) ||
        call->gpa + call->size < call->gpa || call->devid > UINT32_MAX ||
        (call->vector && call->vector < TDCM_VECTOR_MIN) ||
        call->vector > UINT8_MAX) {
        return -EINVAL;
    }
    if (!tdcm_guest_shared(call->gpa, call->size) ||
        !tdcm_guest_read(call->gpa, in, sizeof(*in)) ||
        !tdcm_decode_header(in, call->size)) {
        return -EINVAL;
    }
    *binding = vfio_private_tdi_find(call->devid);
    return *binding ? 0 : -EINVAL;
}

static void tdcm_wait(const TDCMRequest *request)
{
    int64_t end = qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + TDCM_WAIT_MS;

    while (!request->ended) {
        int64_t left = end - qemu_clock_get_ms(QEMU_CLOCK_REALTIME);

        if (left <= 0) {
            break;
        }
        qemu_cond_timedwait_bql(&tdi_ended_cond, left);
    }
}

static void tdcm_invoke(TDIBinding *binding, TDCMRequest *request)
{
    uint16_t op = le16_to_cpu(request->in.operation);

    trace_vfio_private_request_begin(binding->name, op, tdcm_name(op));
    if (op >= ARRAY_SIZE(operations) || !operations[op].supported) {
        request->tdi.ret = -EOPNOTSUPP;
    } else if (tdi_binding_pending(binding) >= TDCM_PENDING_MAX) {
        request->tdi.ret = -EBUSY;
    } else {
        request->tdi.operation = operations[op].operation;
        tdi_submit(binding, &request->tdi);
        if (!request->call.vector) {
            tdcm_wait(request);
        }
        return;
    }
    tdcm_done(&request->tdi);
}

int vfio_private_request(const TDCMCall *call)
{
    struct tdcm_buffer in;
    TDCMRequest *request;
    TDIBinding *binding;
    int ret = tdcm_decode(call, &in, &binding);

    if (ret) {
        trace_vfio_private_request_refused(call->devid, call->gpa, call->size,
                                           call->vector, ret);
        qemu_log_mask(LOG_GUEST_ERROR, "TDCM: device 0x%" PRIx64 ", buffer 0x%"
                      PRIx64 " + 0x%" PRIx64 ", vector %" PRIu64
                      ": not a request\n", call->devid, call->gpa, call->size,
                      call->vector);
        return ret;
    }
    request = g_new(TDCMRequest, 1);
    *request = (TDCMRequest) {
        .tdi.reason = TDI_REASON_GUEST,
        .tdi.done = tdcm_done,
        .tdi.binding = binding,
        .call = *call,
        .in = in,
        .boot = tdcm_boot,
        .refs = 2,
    };
    tdcm_invoke(binding, request);
    tdcm_unref(request);
    binding->ops->unref(binding->opaque);
    return 0;
}
