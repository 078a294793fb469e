/*
 * TSMs: what depends on the kind of guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TSM_ARCH_H
#define HW_VFIO_PRIVATE_TSM_ARCH_H

#include "tsm.h"

/* Room for what a TSM answers when it is asked for the state */
#define TSM_STATE_LEN 4

/**
 * struct TSMPayload - what goes to a TSM
 *
 * @op: IOMMU_VDEVICE_TSM_REQ_*
 * @data, @len: the request, in little endian words; its bytes
 */
typedef struct TSMPayload {
    uint32_t op;
    uint32_t data[4];
    uint32_t len;
} TSMPayload;

/**
 * struct TSMArch - a kind of guest
 *
 * @type: QOM type of its object; NULL: of none, or of any other
 * @guest: what the monitor calls it
 * @refused: why it cannot have private BARs; NULL: it can, and has the rest
 * @tvm_arch: IOMMU_VDEVICE_TSM_TVM_ARCH_*
 * @private_dma: devices reach its private memory by the host's IOMMU
 * @read_report, @start, @ask_state: requests; the last has TSM_STATE_LEN bytes
 *     for its response
 * @take_state: of the response to @ask_state
 *     @len: its length, or -errno; @code: of the device; @last: the state that
 *     the latest operation has led to.  Returns TDISP's number, or -errno.
 */
struct TSMArch {
    const char *type;
    TDIGuestKind guest;
    const char *refused;
    uint32_t tvm_arch;
    bool private_dma;
    const TSMPayload *read_report;
    const TSMPayload *start;
    const TSMPayload *ask_state;
    int (*take_state)(const void *resp, int64_t len, uint64_t code,
                      uint32_t last);
};

/**
 * tsm_arch: the kind of a guest
 * @cgs: what makes it confidential; NULL: an ordinary guest
 *
 * Returns: the kind; of one that is not known, with a refusal.
 */
const TSMArch *tsm_arch(Object *cgs);

#endif /* HW_VFIO_PRIVATE_TSM_ARCH_H */
