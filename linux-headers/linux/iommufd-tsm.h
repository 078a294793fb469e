/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * iommufd: TEE device interfaces (TDI), which no released kernel has.
 *
 * The truth is patches-kernel/ in this repository.  Every definition here is
 * guarded, so the values of a header that already has them win; the build of
 * the lab compares the two.
 */
#ifndef LINUX_IOMMUFD_TSM_H
#define LINUX_IOMMUFD_TSM_H

#include <linux/iommufd.h>
#include <linux/types.h>

#ifndef IOMMU_VDEVICE_TSM_OP

/*
 * struct iommu_viommu_alloc.type: a vIOMMU whose vDEVICEs are TDIs of the VM
 * that dev_id was associated with (KVM_DEV_VFIO_FILE_ADD before
 * VFIO_DEVICE_BIND_IOMMUFD).  hwpt_id is any paging HWPT; it cannot be destroyed
 * while the vIOMMU exists.
 */
#define IOMMU_VIOMMU_TYPE_TSM 0x80

enum iommu_vdevice_tsm_op_type {
    IOMMU_VDEVICE_TSM_BIND = 1,
    IOMMU_VDEVICE_TSM_UNBIND = 2,
};

/*
 * Bind a vDEVICE as a TDI, or unbind it.
 *
 * @size: sizeof(struct iommu_vdevice_tsm_op)
 * @type: enum iommu_vdevice_tsm_op_type
 * @flags: must be 0
 * @vdevice_id: vDEVICE whose virt_id is the requester ID in the VM: segment in
 *     bits 31:16, bus, device and function in bits 15:0
 *
 * A successful bind leaves the TDI in CONFIG_LOCKED.  Unbind works in every
 * state, and does nothing if the TDI is not bound.
 *
 * EBUSY: bound already, or memory decode or bus mastering is off, low power, or
 * in reset.  EINTR: nothing was done.  EINVAL: not a PCI device, or for another
 * VM.  ENODEV: no VM.  ENXIO: the device is not connected to a TSM.  EIO: the
 * device or the TSM failed or refused.  EOPNOTSUPP: not something this TSM does.
 */
struct iommu_vdevice_tsm_op {
    __u32 size;
    __u32 type;
    __u32 flags;
    __u32 vdevice_id;
};
#define IOMMU_VDEVICE_TSM_OP _IO(IOMMUFD_TYPE, 0x95)

enum iommu_vdevice_tsm_tvm_arch {
    IOMMU_VDEVICE_TSM_TVM_ARCH_CCA = 1,
    IOMMU_VDEVICE_TSM_TVM_ARCH_SEV = 2,
    IOMMU_VDEVICE_TSM_TVM_ARCH_TDX = 3,
    IOMMU_VDEVICE_TSM_TVM_ARCH_SW = 0x80,
};

enum iommu_vdevice_tsm_req_op {
    IOMMU_VDEVICE_TSM_REQ_READ_OBJECT = 1,
    IOMMU_VDEVICE_TSM_REQ_REGEN_OBJECT = 2,
    IOMMU_VDEVICE_TSM_REQ_OBJECT_INFO = 3,
    IOMMU_VDEVICE_TSM_REQ_VALIDATE_MMIO = 4,
    IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE = 5,
    IOMMU_VDEVICE_TSM_REQ_SEV_ENABLE_DMA = 6,
    IOMMU_VDEVICE_TSM_REQ_SEV_DISABLE_DMA = 7,
    IOMMU_VDEVICE_TSM_REQ_GET_TDI_STATE = 0x80,
};

#define IOMMU_VDEVICE_TSM_REQ_LEN_MAX (64 * 1024)
#define IOMMU_VDEVICE_TSM_RESP_LEN_MAX (1024 * 1024)

/*
 * Pass a request about a bound TDI to its TSM.
 *
 * @size: sizeof(struct iommu_vdevice_tsm_req)
 * @vdevice_id: the vDEVICE
 * @op: enum iommu_vdevice_tsm_req_op
 * @tvm_arch: enum iommu_vdevice_tsm_tvm_arch; selects payloads with @op
 * @req_len, @req_uptr: the request; bytes
 * @resp_len, @resp_uptr: room for the response; bytes
 * @tsm_code: out, on failure too: SW: code of the TDISP error, or 0
 *
 * The ioctl returns the bytes that the response left unused; without a response
 * buffer those of the request that were not consumed.
 *
 * An error of a request that changes the state does not tell what it is now.
 * EINTR: nothing was done.  ENXIO: the TDI is not bound.  EIO: the device or the
 * TSM failed.  EINVAL: lengths or payload.  EOPNOTSUPP: op, or architecture.
 */
struct iommu_vdevice_tsm_req {
    __u32 size;
    __u32 vdevice_id;
    __u32 op;
    __u32 tvm_arch;
    __u32 req_len;
    __u32 resp_len;
    __aligned_u64 req_uptr;
    __aligned_u64 resp_uptr;
    __aligned_u64 tsm_code;
};
#define IOMMU_VDEVICE_TSM_REQ _IO(IOMMUFD_TYPE, 0x96)

/* Payloads of the architecture SW, little endian */

enum iommu_vdevice_tsm_sw_object {
    IOMMU_VDEVICE_TSM_SW_CERT = 1,
    IOMMU_VDEVICE_TSM_SW_MEASUREMENT = 2,
    IOMMU_VDEVICE_TSM_SW_REPORT = 3,
    IOMMU_VDEVICE_TSM_SW_VCA = 4,
};

/* READ_OBJECT: the response is the object from @offset on. */
struct iommu_vdevice_tsm_sw_read_object {
    __le32 object;
    __le32 __reserved;
    __le64 offset;
};

struct iommu_vdevice_tsm_sw_object_info {
    __le32 object;
};

struct iommu_vdevice_tsm_sw_object_info_resp {
    __le64 size;
};

/* Request of SET_TDI_STATE, which takes RUN only; response of GET_TDI_STATE. */
struct iommu_vdevice_tsm_sw_tdi_state {
    __le32 state;
};

/*
 * struct iommu_veventq_alloc.type: what happens to the TDIs of a vIOMMU without
 * user space having asked for it
 */
#define IOMMU_VEVENTQ_TYPE_TSM 0x80

/* All but ERROR and MEMORY: stopped and unbound on behalf of the host.  Others may come. */
enum iommu_vevent_tsm_type {
    IOMMU_VEVENT_TSM_DISCONNECTED = 1,
    IOMMU_VEVENT_TSM_RESET = 2,
    IOMMU_VEVENT_TSM_ERROR = 3,
    IOMMU_VEVENT_TSM_REMOVED = 4,   /* it cannot be bound any more */
    IOMMU_VEVENT_TSM_MEMORY = 5,    /* bound, without private memory */
};

/*
 * @type: enum iommu_vevent_tsm_type
 * @bind: which successful bind of the vDEVICE it is about, counted from 1
 * @virt_id, @vdevice_id: the vDEVICE
 * @__reserved: 0
 */
struct iommu_vevent_tsm {
    __u32 type;
    __u32 bind;
    __aligned_u64 virt_id;
    __u32 vdevice_id;
    __u32 __reserved;
};

/*
 * Private DMA
 *
 * IOMMU_IOAS_MAP_FILE takes a guest_memfd.  Such an area is apart from the shared
 * ones, and may overlap them.  Its pages are mapped as long as they are private
 * and there, at the IOVA that is their address in the VM, and only in private
 * HWPTs: made by IOMMU_HWPT_ALLOC with a vIOMMU of IOMMU_VIOMMU_TYPE_TSM as pt_id,
 * for one vDEVICE, to which its device can be attached while it is bound.  They
 * are mapped while the TDI is in RUN.
 *
 * EBUSY: a private page is mapped as shared memory.  EEXIST: overlaps a private
 * area.  EMEDIUMTYPE: not with this kind of VM.  EXDEV: other private areas of
 * the IOAS are of another VM.
 */

/*
 * Remove the private areas in a range.
 *
 * @size: sizeof(struct iommu_ioas_unmap_private)
 * @ioas_id: the IOAS
 * @iova, @length: areas in it, as a whole; 0 and U64_MAX: all, perhaps none.
 *     @length out: bytes of what was removed
 *
 * ENOENT: there is none, or one is only partly in the range.  ENOTTY: a kernel
 * without private DMA.
 */
struct iommu_ioas_unmap_private {
    __u32 size;
    __u32 ioas_id;
    __aligned_u64 iova;
    __aligned_u64 length;
};
#define IOMMU_IOAS_UNMAP_PRIVATE _IO(IOMMUFD_TYPE, 0x97)

/*
 * struct iommu_option.option_id: pages of private memory that are mapped in a
 * private HWPT.  IOMMU_OPTION_OP_GET only.
 */
#define IOMMU_OPTION_PRIVATE_PAGES 2

#endif /* !IOMMU_VDEVICE_TSM_OP */

#endif /* LINUX_IOMMUFD_TSM_H */
