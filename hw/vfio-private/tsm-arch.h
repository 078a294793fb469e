/*
 * TSMs: what depends on the kind of guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TSM_ARCH_H
#define HW_VFIO_PRIVATE_TSM_ARCH_H

#include "tsm.h"

#define TSM_PAYLOAD_MAX 16

/**
 * struct TSMPayload - what goes to a TSM
 *
 * @op: IOMMU_VDEVICE_TSM_REQ_*
 * @data, @len: the request
 * @resp_len: room that the response takes; what the caller has, if 0
 */
typedef struct TSMPayload {
    uint32_t op;
    uint8_t data[TSM_PAYLOAD_MAX];
    uint32_t len;
    uint32_t resp_len;
} TSMPayload;

/**
 * struct TSMArch - a kind of confidential guest
 *
 * @type: QOM type of its object
 * @guest: what the monitor calls it
 * @refused: why it cannot have private BARs; NULL: it can, and has the rest
 * @tvm_arch: IOMMU_VDEVICE_TSM_TVM_ARCH_*
 * @viommu_type: IOMMU_VIOMMU_TYPE_*
 * @private_dma: devices reach its private memory by the host's IOMMU
 * @read_report, @start, @ask_state: write a request
 * @take_state: of the response to @ask_state
 *     @len: its length, or -errno; @code: of the device; @last: the state that
 *     the latest operation has led to.  Returns TDISP's number, or -errno.
 */
struct TSMArch {
    const char *type;
    TDIGuestKind guest;
    const char *refused;
    uint32_t tvm_arch;
    uint32_t viommu_type;
    bool private_dma;
    void (*read_report)(TSMPayload *payload);
    void (*start)(TSMPayload *payload);
    void (*ask_state)(TSMPayload *payload);
    int (*take_state)(const void *resp, int64_t len, uint64_t code,
                      uint32_t last);
};

/**
 * tsm_arch: the kind of a confidential guest
 * @cgs: its object
 *
 * Returns: the kind; of one that is not known, with a refusal.
 */
const TSMArch *tsm_arch(Object *cgs);

#endif /* HW_VFIO_PRIVATE_TSM_ARCH_H */
