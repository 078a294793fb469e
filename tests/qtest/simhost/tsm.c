/*
 * A simulated host for QEMU: a TSM and the TDI of its device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd-tsm.h>
#include <linux/kvm.h>
#include "hw/tdisp/tdisp.h"
#include "qemu/bswap.h"
#include "host.h"

/*
 * The vDEVICEs that are bound, or 0.  They share a state: a test that has two
 * of them says which one's it is at a time.
 */
static uint32_t bound[2];

static uint32_t *sim_bound(uint32_t vdevice_id)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(bound); i++) {
        if (bound[i] == vdevice_id) {
            return &bound[i];
        }
    }
    return NULL;
}

bool sim_tsm_bound(void)
{
    return bound[0] || bound[1];
}

void sim_tsm_forget(void)
{
    if (sim_tsm_bound()) {
        memset(bound, 0, sizeof(bound));
        sim->ended = false;
        sim->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
        /* The kernel does it, as QEMU has not. */
        sim_log_done(sim_log("kernel unbinds"), 0);
    }
}

const char *sim_tsm_op_name(void *arg)
{
    return ((struct iommu_vdevice_tsm_op *)arg)->type ==
           IOMMU_VDEVICE_TSM_BIND ? "TSM_BIND" : "TSM_UNBIND";
}

int sim_tsm_op(int fd, void *arg)
{
    struct iommu_vdevice_tsm_op *op = arg;
    uint32_t *at;

    if (op->flags || !sim_iommufd_is_vdevice(op->vdevice_id)) {
        return op->flags ? -EOPNOTSUPP : -ENOENT;
    }
    switch (op->type) {
    case IOMMU_VDEVICE_TSM_BIND:
        at = sim_bound(0);
        if (sim_bound(op->vdevice_id) || !at || !sim_config_decodes() ||
            !sim_config_masters()) {
            return -EBUSY;
        }
        *at = op->vdevice_id;
        sim->binds++;
        sim->tdi_state = TDISP_STATE_CONFIG_LOCKED;
        return 0;
    case IOMMU_VDEVICE_TSM_UNBIND:
        at = sim_bound(op->vdevice_id);
        if (at) {
            *at = 0;
        }
        sim->ended = false;
        sim->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

/* Of a TDX guest, the state is asked for by the first bytes of the report. */
static bool sim_tdx_probe(const struct iommu_vdevice_tsm_req *req)
{
    return req->tvm_arch == IOMMU_VDEVICE_TSM_TVM_ARCH_TDX &&
           req->op == IOMMU_VDEVICE_TSM_REQ_READ_OBJECT && req->resp_len == 4;
}

const char *sim_tsm_req_name(void *arg)
{
    if (sim_tdx_probe(arg)) {
        return "TSM_GET_STATE";
    }
    switch (((struct iommu_vdevice_tsm_req *)arg)->op) {
    case IOMMU_VDEVICE_TSM_REQ_READ_OBJECT:
        return "TSM_READ_OBJECT";
    case IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE:
        return "TSM_SET_STATE";
    case IOMMU_VDEVICE_TSM_REQ_GET_TDI_STATE:
        return "TSM_GET_STATE";
    default:
        return "TSM_REQ";
    }
}

static uint8_t *sim_report_range(uint8_t *p, uint64_t page, uint64_t size,
                                 uint16_t attributes, uint16_t bar)
{
    stq_le_p(p, page);
    stl_le_p(p + 8, size >> TDISP_REPORT_PAGE_SHIFT);
    stw_le_p(p + 12, attributes);
    stw_le_p(p + 14, bar);
    return p + sizeof(TdispReportRange);
}

/* Returns the bytes of the report that were written. */
static int sim_report(void *out, uint32_t room)
{
    const uint32_t ranges = 4;
    const uint32_t size = sizeof(TdispReport) +
                          ranges * sizeof(TdispReportRange) + sizeof(uint32_t);
    uint8_t data[sizeof(TdispReport) + 4 * sizeof(TdispReportRange) +
                 sizeof(uint32_t)] = {};
    TdispReport *head = (TdispReport *)data;
    uint8_t *p = data + sizeof(*head);

    head->mmio_range_count = cpu_to_le32(ranges + !!sim->report_bad);
    p = sim_report_range(p, 0x100, SIM_MSIX_TABLE, 0, 0);
    p = sim_report_range(p, 0x100 + SIM_MSIX_TABLE / 4096,
                         SIM_MSIX_END - SIM_MSIX_TABLE,
                         TDISP_RANGE_MSIX_TABLE | TDISP_RANGE_NON_TEE, 0);
    p = sim_report_range(p, 0x100 + SIM_MSIX_END / 4096,
                         SIM_BAR0_SIZE - SIM_MSIX_END, TDISP_RANGE_NON_TEE, 0);
    sim_report_range(p, 0x1000, SIM_BAR2_SIZE, 0, 2);
    memcpy(out, data, MIN(size, room));
    return MIN(size, room);
}

static int sim_tsm_set_state(struct iommu_vdevice_tsm_req *req,
                             const void *in)
{
    if (req->req_len != sizeof(uint32_t) ||
        ldl_le_p(in) != TDISP_STATE_RUN) {
        return -EINVAL;
    }
    if (sim->tdi_state != TDISP_STATE_CONFIG_LOCKED) {
        req->tsm_code = TDISP_ERR_INVALID_INTERFACE_STATE;
        return -EIO;
    }
    sim->tdi_state = TDISP_STATE_RUN;
    return 0;
}

/* The guest that the VM has, and what iommufd has for it */
static bool sim_tsm_has(const struct iommu_vdevice_tsm_req *req)
{
    bool tdx = req->tvm_arch == IOMMU_VDEVICE_TSM_TVM_ARCH_TDX;

    return tdx == (sim_vm_type() == KVM_X86_TDX_VM) &&
           (tdx || req->tvm_arch == IOMMU_VDEVICE_TSM_TVM_ARCH_SW) &&
           !(tdx && req->op == IOMMU_VDEVICE_TSM_REQ_GET_TDI_STATE);
}

int sim_tsm_req(int fd, void *arg)
{
    struct iommu_vdevice_tsm_req *req = arg;
    void *in = (void *)(uintptr_t)req->req_uptr;
    void *out = (void *)(uintptr_t)req->resp_uptr;
    int ret;

    req->tsm_code = 0;
    if (!sim_tsm_has(req)) {
        return -EOPNOTSUPP;
    }
    if (!sim_iommufd_is_vdevice(req->vdevice_id)) {
        return -ENOENT;
    }
    if (!sim_tsm_bound() || sim->ended) {
        return -ENXIO;
    }
    switch (req->op) {
    case IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE:
        return sim_tsm_set_state(req, in);
    case IOMMU_VDEVICE_TSM_REQ_GET_TDI_STATE:
        if (req->resp_len < sizeof(uint32_t)) {
            return -EINVAL;
        }
        stl_le_p(out, sim->tdi_state);
        return req->resp_len - sizeof(uint32_t);
    case IOMMU_VDEVICE_TSM_REQ_READ_OBJECT:
        if (req->req_len != sizeof(struct iommu_vdevice_tsm_sw_read_object) ||
            ldl_le_p(in) != IOMMU_VDEVICE_TSM_SW_REPORT) {
            return -EINVAL;
        }
        if (sim->tdi_state != TDISP_STATE_CONFIG_LOCKED &&
            sim->tdi_state != TDISP_STATE_RUN) {
            req->tsm_code = TDISP_ERR_INVALID_INTERFACE_STATE;
            return -EIO;
        }
        ret = sim_report(out, req->resp_len);
        return ret < 0 ? ret : req->resp_len - ret;
    default:
        return -EOPNOTSUPP;
    }
}
