/*
 * What went wrong with a TDI, for people and programs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/tdisp/tdisp.h"
#include "tdi-error.h"

static const struct {
    int err;
    TDIErrorKind kind;
    const char *text;
} errors[] = {
    { EBUSY, TDI_ERROR_KIND_BUSY, "too many requests at a time" },
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
