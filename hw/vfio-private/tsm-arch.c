/*
 * TSMs: what depends on the kind of guest
 *
 * Upstream is about to settle it: the kind of vIOMMU, the numbers, and what the
 * payloads of IOMMU_VDEVICE_TSM_REQ look like for each architecture.  Nothing
 * outside of this file knows any of that, but for the ioctls themselves, which
 * are in tsm-iommufd.c.
 *
 * Software-protected VMs have what patches-kernel/ defines.
 *
 * What a TSM for TDX takes has not been published.  Assumed is what was last
 * discussed for all platforms, which the kernel's iommufd lets through for this
 * architecture: 16 bytes name an object and an offset, 4 bytes the state.
 * There is no request for the state.  The device gives its report in
 * CONFIG_LOCKED and RUN only, so the first bytes of that tell whether the TDI
 * is still where the latest operation has brought it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd-tsm.h>

#include "qemu/bswap.h"
#include "hw/tdisp/tdisp.h"
#include "qom/object.h"
#include "tsm-arch.h"

#define USE_OTHER "use tdx-guest or sw-protected-vm"

/*
 * Software-protected VMs
 */

static void sw_read_report(TSMPayload *payload)
{
    const struct iommu_vdevice_tsm_sw_read_object req = {
        .object = cpu_to_le32(IOMMU_VDEVICE_TSM_SW_REPORT),
    };

    QEMU_BUILD_BUG_ON(sizeof(req) > TSM_PAYLOAD_MAX);
    payload->op = IOMMU_VDEVICE_TSM_REQ_READ_OBJECT;
    payload->len = sizeof(req);
    memcpy(payload->data, &req, sizeof(req));
}

static void sw_start(TSMPayload *payload)
{
    const struct iommu_vdevice_tsm_sw_tdi_state req = {
        .state = cpu_to_le32(TDISP_STATE_RUN),
    };

    payload->op = IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE;
    payload->len = sizeof(req);
    memcpy(payload->data, &req, sizeof(req));
}

static void sw_ask_state(TSMPayload *payload)
{
    payload->op = IOMMU_VDEVICE_TSM_REQ_GET_TDI_STATE;
    payload->resp_len = sizeof(struct iommu_vdevice_tsm_sw_tdi_state);
}

static int sw_take_state(const void *resp, int64_t len, uint64_t code,
                         uint32_t last)
{
    if (len < 0) {
        return len;
    }
    if (len != sizeof(struct iommu_vdevice_tsm_sw_tdi_state) ||
        ldl_le_p(resp) > TDISP_STATE_ERROR) {
        return -EIO;
    }
    return ldl_le_p(resp);
}

/*
 * TDX
 */

enum {
    TDX_OBJECT_REPORT = 3,
};

struct tdx_read_object {
    uint32_t object;
    uint32_t reserved;
    uint64_t offset;
};

struct tdx_tdi_state {
    uint32_t state;
};

/* Of the report; any device has that. */
#define TDX_PROBE_LEN 4

static void tdx_read_report(TSMPayload *payload)
{
    const struct tdx_read_object req = {
        .object = cpu_to_le32(TDX_OBJECT_REPORT),
    };

    QEMU_BUILD_BUG_ON(sizeof(req) != 16);
    payload->op = IOMMU_VDEVICE_TSM_REQ_READ_OBJECT;
    payload->len = sizeof(req);
    memcpy(payload->data, &req, sizeof(req));
}

static void tdx_start(TSMPayload *payload)
{
    const struct tdx_tdi_state req = {
        .state = cpu_to_le32(TDISP_STATE_RUN),
    };

    payload->op = IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE;
    payload->len = sizeof(req);
    memcpy(payload->data, &req, sizeof(req));
}

static void tdx_ask_state(TSMPayload *payload)
{
    tdx_read_report(payload);
    payload->resp_len = TDX_PROBE_LEN;
}

static int tdx_take_state(const void *resp, int64_t len, uint64_t code,
                          uint32_t last)
{
    if (len < 0) {
        return len != -ENXIO && code == TDISP_ERR_INVALID_INTERFACE_STATE ?
               TDISP_STATE_ERROR : len;
    }
    return len == TDX_PROBE_LEN ? last : -EIO;
}

/*
 * All kinds
 */

static const TSMArch archs[] = {
    {
        .type = "sw-protected-vm",
        .guest = TDI_GUEST_KIND_SOFTWARE,
        .tvm_arch = IOMMU_VDEVICE_TSM_TVM_ARCH_SW,
        .viommu_type = IOMMU_VIOMMU_TYPE_TSM,
        .private_dma = true,
        .read_report = sw_read_report,
        .start = sw_start,
        .ask_state = sw_ask_state,
        .take_state = sw_take_state,
    },
    {
        .type = "tdx-guest",
        .guest = TDI_GUEST_KIND_TDX,
        .tvm_arch = IOMMU_VDEVICE_TSM_TVM_ARCH_TDX,
        .viommu_type = IOMMU_VIOMMU_TYPE_TSM,
        .read_report = tdx_read_report,
        .start = tdx_start,
        .ask_state = tdx_ask_state,
        .take_state = tdx_take_state,
    },
    {
        .type = "sev-snp-guest",
        .guest = TDI_GUEST_KIND_OTHER,
        .refused = "does not support SEV-SNP guests: KVM maps no private MMIO "
                   "for them, and nobody takes their SEV-TIO requests; "
                   USE_OTHER,
    },
    {
        .guest = TDI_GUEST_KIND_OTHER,
        .refused = "does not support this kind of confidential guest: "
                   USE_OTHER,
    },
};

const TSMArch *tsm_arch(Object *cgs)
{
    const TSMArch *arch = archs;

    while (arch->type && !object_dynamic_cast(cgs, arch->type)) {
        arch++;
    }
    return arch;
}
