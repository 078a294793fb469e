/*
 * TDISP requests and tdi-testdev's registers, for a qtest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "tdisp.h"

#define DMA_POLLS       2000
#define DMA_POLL_NS     1000000

void qtdisp_header(QTdisp *d, TdispHeader *hdr, uint8_t code)
{
    *hdr = (TdispHeader) {
        .version = TDISP_VERSION_1_0,
        .type = code,
        .function_id = cpu_to_le32(d->rid),
    };
}

/* Sends a request; 0 for the right response, or its error code. */
static uint32_t request(QTdisp *d, const void *req, size_t len,
                        void *rsp, size_t max)
{
    const TdispHeader *in = req;
    const TdispErrorRsp *error = rsp;
    size_t got = qtdisp_message(d, req, len, rsp, max);

    g_assert_cmpuint(got, <=, max);
    g_assert_cmphex(error->hdr.version, ==, TDISP_VERSION_1_0);
    g_assert_cmphex(error->hdr.function_id, ==, in->function_id);
    if (error->hdr.type == TDISP_ERROR) {
        g_assert_cmpuint(got, ==, sizeof(*error));
        g_assert_cmphex(le32_to_cpu(error->code), !=, 0);
        return le32_to_cpu(error->code);
    }
    g_assert_cmphex(error->hdr.type, ==, TDISP_RESPONSE(in->type));
    return 0;
}

uint32_t qtdisp_request(QTdisp *d, uint8_t code)
{
    static const uint8_t lengths[] = {
        [TDISP_GET_VERSION & 0x7f] = sizeof(TdispHeader),
        [TDISP_GET_CAPABILITIES & 0x7f] = sizeof(TdispCapabilitiesReq),
        [TDISP_LOCK_INTERFACE & 0x7f] = sizeof(TdispLockReq),
        [TDISP_GET_DEVICE_INTERFACE_REPORT & 0x7f] = sizeof(TdispReportReq),
        [TDISP_GET_DEVICE_INTERFACE_STATE & 0x7f] = sizeof(TdispHeader),
        [TDISP_START_INTERFACE & 0x7f] = sizeof(TdispNonceMsg),
        [TDISP_STOP_INTERFACE & 0x7f] = sizeof(TdispHeader),
        [TDISP_BIND_P2P_STREAM & 0x7f] = sizeof(TdispP2PReq),
        [TDISP_UNBIND_P2P_STREAM & 0x7f] = sizeof(TdispP2PReq),
        [TDISP_SET_MMIO_ATTRIBUTE & 0x7f] = sizeof(TdispMmioAttributeReq),
        [TDISP_VDM_REQUEST & 0x7f] = sizeof(TdispHeader),
        [TDISP_SET_TDISP_CONFIG & 0x7f] = sizeof(TdispCapabilitiesReq),
    };
    uint8_t i = code & 0x7f;
    size_t len = code & 0x80 && i < ARRAY_SIZE(lengths) && lengths[i] ?
                 lengths[i] : sizeof(TdispHeader);
    uint8_t req[64] = { };
    uint8_t rsp[256];

    qtdisp_header(d, (TdispHeader *)req, code);
    if (code == TDISP_GET_DEVICE_INTERFACE_REPORT) {
        ((TdispReportReq *)req)->length = cpu_to_le16(16);
    }
    return request(d, req, len, rsp, sizeof(rsp));
}

uint32_t qtdisp_lock_flags(QTdisp *d, TdispLockReq *req, uint8_t *nonce)
{
    TdispNonceMsg rsp;
    uint32_t err;

    qtdisp_header(d, &req->hdr, TDISP_LOCK_INTERFACE);
    err = request(d, req, sizeof(*req), &rsp, sizeof(rsp));
    if (!err && nonce) {
        memcpy(nonce, rsp.nonce, sizeof(rsp.nonce));
    }
    return err;
}

uint32_t qtdisp_lock(QTdisp *d, uint8_t *nonce)
{
    TdispLockReq req = { };

    return qtdisp_lock_flags(d, &req, nonce);
}

uint32_t qtdisp_start_interface(QTdisp *d, const uint8_t *nonce)
{
    TdispNonceMsg req;
    TdispErrorRsp rsp;

    qtdisp_header(d, &req.hdr, TDISP_START_INTERFACE);
    memcpy(req.nonce, nonce, sizeof(req.nonce));
    return request(d, &req, sizeof(req), &rsp, sizeof(rsp));
}

uint32_t qtdisp_stop(QTdisp *d)
{
    return qtdisp_request(d, TDISP_STOP_INTERFACE);
}

uint8_t qtdisp_state(QTdisp *d)
{
    TdispHeader req;
    union {
        TdispStateRsp state;
        TdispErrorRsp error;
    } rsp;

    qtdisp_header(d, &req, TDISP_GET_DEVICE_INTERFACE_STATE);
    g_assert_cmphex(request(d, &req, sizeof(req), &rsp, sizeof(rsp)), ==, 0);
    return rsp.state.state;
}

void qtdisp_go(QTdisp *d, uint8_t state)
{
    uint8_t nonce[TDISP_NONCE_SIZE];

    g_assert_cmphex(qtdisp_stop(d), ==, 0);
    if (state != TDISP_STATE_CONFIG_UNLOCKED) {
        g_assert_cmphex(qtdisp_lock(d, nonce), ==, 0);
    }
    if (state == TDISP_STATE_RUN) {
        g_assert_cmphex(qtdisp_start_interface(d, nonce), ==, 0);
    }
    if (state == TDISP_STATE_ERROR) {
        qtdisp_set_bool(d, "x-fault-error", true);
    }
    g_assert_cmphex(qtdisp_state(d), ==, state);
}

uint32_t qtdisp_report_portion(QTdisp *d, uint16_t offset, uint16_t *len,
                               uint16_t *remainder, uint8_t *buf)
{
    g_autofree uint8_t *rsp = g_malloc0(0x10000);
    TdispReportRsp *msg = (TdispReportRsp *)rsp;
    TdispReportReq req;
    uint32_t err;

    qtdisp_header(d, &req.hdr, TDISP_GET_DEVICE_INTERFACE_REPORT);
    req.offset = cpu_to_le16(offset);
    req.length = cpu_to_le16(*len);
    err = request(d, &req, sizeof(req), rsp, 0x10000);
    if (!err) {
        g_assert_cmpuint(le16_to_cpu(msg->portion_length), <=, *len);
        *len = le16_to_cpu(msg->portion_length);
        *remainder = le16_to_cpu(msg->remainder_length);
        memcpy(buf, msg + 1, *len);
    }
    return err;
}

size_t qtdisp_report(QTdisp *d, uint16_t portion, uint8_t *buf, size_t max)
{
    uint16_t remainder = 1;
    size_t pos = 0;

    while (remainder) {
        uint16_t len = portion;

        g_assert_cmpuint(pos + len, <=, max);
        g_assert_cmphex(qtdisp_report_portion(d, pos, &len, &remainder,
                                              buf + pos), ==, 0);
        g_assert_cmpuint(len, >, 0);
        pos += len;
    }
    return pos;
}

void qtdisp_set_bool(QTdisp *d, const char *name, bool value)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'qom-set', 'arguments': {"
                             " 'path': %s, 'property': %s, 'value': %i } }",
                             d->path, name, value);
}

void qtdisp_set_uint(QTdisp *d, const char *name, uint64_t value)
{
    qtest_qmp_assert_success(d->qts, "{ 'execute': 'qom-set', 'arguments': {"
                             " 'path': %s, 'property': %s, 'value': %"
                             PRIu64 " } }", d->path, name, value);
}

static QDict *qom_get(QTdisp *d, const char *name)
{
    QDict *rsp = qtest_qmp(d->qts, "{ 'execute': 'qom-get', 'arguments': {"
                           " 'path': %s, 'property': %s } }", d->path, name);

    g_assert(qdict_haskey(rsp, "return"));
    return rsp;
}

uint64_t qtdisp_get_uint(QTdisp *d, const char *name)
{
    QDict *rsp = qom_get(d, name);
    uint64_t value = qdict_get_int(rsp, "return");

    qobject_unref(rsp);
    return value;
}

char *qtdisp_get_str(QTdisp *d, const char *name)
{
    QDict *rsp = qom_get(d, name);
    char *value = g_strdup(qdict_get_str(rsp, "return"));

    qobject_unref(rsp);
    return value;
}

bool qtdisp_get_bool(QTdisp *d, const char *name)
{
    QDict *rsp = qom_get(d, name);
    bool value = qdict_get_bool(rsp, "return");

    qobject_unref(rsp);
    return value;
}

void qtdisp_t(QTdisp *d, bool t)
{
    qtdisp_set_bool(d, "x-assume-t", t);
}

uint32_t qtdisp_reg(QTdisp *d, uint32_t reg)
{
    return qtest_readl(d->qts, (uint64_t)d->bar0 + reg);
}

void qtdisp_set_reg(QTdisp *d, uint32_t reg, uint32_t val)
{
    qtest_writel(d->qts, (uint64_t)d->bar0 + reg, val);
}

uint32_t qtdisp_open_reg(QTdisp *d, uint32_t reg)
{
    return qtdisp_reg(d, TDI_TESTDEV_OPEN_PART + reg);
}

void qtdisp_dma_setup(QTdisp *d, uint64_t iova, uint64_t offset,
                      uint32_t length)
{
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_IOVA_LO, iova);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_IOVA_HI, iova >> 32);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_OFFSET_LO, offset);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_OFFSET_HI, offset >> 32);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_LENGTH, length);
}

uint32_t qtdisp_dma(QTdisp *d, uint32_t command)
{
    uint32_t status;

    qtdisp_set_reg(d, TDI_TESTDEV_DMA_COMMAND, command);
    for (int i = 0; i < DMA_POLLS; i++) {
        status = qtdisp_reg(d, TDI_TESTDEV_DMA_STATUS);
        if (status != TDI_TESTDEV_DMA_BUSY) {
            return status;
        }
        qtest_clock_step(d->qts, DMA_POLL_NS);
    }
    return status;
}
