/*
 * TSMs: what depends on the kind of guest
 *
 * Upstream is about to settle it: the numbers, and what the payloads of
 * IOMMU_VDEVICE_TSM_REQ look like for each architecture.  Nothing outside of
 * this file knows any of that, but for the ioctls themselves and the kind of
 * vIOMMU, which are in tsm-iommufd.c.
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
 * Requests that are the same for both; for TDX that is assumed, see above
 */

static const TSMPayload read_report = {
    .op = IOMMU_VDEVICE_TSM_REQ_READ_OBJECT,
    .data = { const_le32(IOMMU_VDEVICE_TSM_SW_REPORT) },
    .len = sizeof(struct iommu_vdevice_tsm_sw_read_object),
};

static const TSMPayload start = {
    .op = IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE,
    .data = { const_le32(TDISP_STATE_RUN) },
    .len = sizeof(struct iommu_vdevice_tsm_sw_tdi_state),
};

QEMU_BUILD_BUG_ON(sizeof(struct iommu_vdevice_tsm_sw_read_object) !=
                  sizeof_field(TSMPayload, data));
QEMU_BUILD_BUG_ON(sizeof(struct iommu_vdevice_tsm_sw_tdi_state) !=
                  TSM_STATE_LEN);

/*
 * Software-protected VMs
 */

static const TSMPayload sw_ask_state = {
    .op = IOMMU_VDEVICE_TSM_REQ_GET_TDI_STATE,
};

static int sw_take_state(const void *resp, int64_t len, uint64_t code,
                         uint32_t last)
{
    if (len < 0) {
        return len;
    }
    if (len != TSM_STATE_LEN || ldl_le_p(resp) > TDISP_STATE_ERROR) {
        return -EIO;
    }
    return ldl_le_p(resp);
}

/*
 * TDX
 */

static int tdx_take_state(const void *resp, int64_t len, uint64_t code,
                          uint32_t last)
{
    if (len < 0) {
        return len != -ENXIO && code == TDISP_ERR_INVALID_INTERFACE_STATE ?
               TDISP_STATE_ERROR : len;
    }
    return len == TSM_STATE_LEN ? last : -EIO;
}

/*
 * All kinds
 */

static const TSMArch ordinary = {
    .guest = TDI_GUEST_KIND_ORDINARY,
    .refused = "requires a confidential guest: set -machine "
               "confidential-guest-support=ID, or use fd-bars=on in an "
               "ordinary VM",
};

static const TSMArch archs[] = {
    {
        .type = "sw-protected-vm",
        .guest = TDI_GUEST_KIND_SOFTWARE,
        .tvm_arch = IOMMU_VDEVICE_TSM_TVM_ARCH_SW,
        .private_dma = true,
        .read_report = &read_report,
        .start = &start,
        .ask_state = &sw_ask_state,
        .take_state = sw_take_state,
    },
    {
        .type = "tdx-guest",
        .guest = TDI_GUEST_KIND_TDX,
        .tvm_arch = IOMMU_VDEVICE_TSM_TVM_ARCH_TDX,
        .read_report = &read_report,
        .start = &start,
        /* There is room for the first bytes of it, which any device has. */
        .ask_state = &read_report,
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
    const TSMArch *arch = cgs ? archs : &ordinary;

    while (arch->type && !object_dynamic_cast(cgs, arch->type)) {
        arch++;
    }
    return arch;
}
