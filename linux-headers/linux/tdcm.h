/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * TDCM, "TEE-IO Device Configuration and Management": how a confidential VM
 * asks its VMM to bind, report, start and unbind a device that is assigned to
 * it.
 *
 * The guest passes the requester ID of the device and one buffer of shared
 * memory. TDX guests do so by TDG.VP.VMCALL (GHCI 2.0), KVM's
 * software-protected VMs by the hypercall KVM_HC_TDCM:
 *
 *	a0	guest requester ID of the device: segment << 16 | bus << 8 | devfn
 *	a1	guest physical address of the buffer, page-aligned, shared
 *	a2	size of the buffer in bytes, a multiple of the page size
 *	a3	vector of the completion event, 0 to poll
 *
 * The hypercall returns 0 once the request was taken, or a negative KVM_E*
 * value, with the buffer not touched. A request that was taken is done when
 * &struct tdcm_buffer.status is no longer %TDCM_STATUS_WAIT. That is mostly so
 * before the hypercall returns. Until then the buffer is the VMM's: the guest
 * neither writes nor reuses it, and there is one request at a time for a
 * device, but for %TDCM_OP_UNBIND: a guest that has waited in vain may send it
 * all the same. The VMM then finishes or drops the other request first, so that
 * the device is not bound or started after it was unbound.
 *
 * A vCPU that gives a vector, 32 to 255, does not wait for the request. It gets that
 * interrupt after the status has changed, once for each request that was taken.
 *
 * Numbers and layout are provisional. They are those of a TDX guest's kernel, to
 * be confirmed against a final GHCI 2.0.
 *
 * Either side takes the other for hostile. The VMM reads what the guest wrote
 * once, and writes only inside the size that the hypercall gave; the guest
 * reads &struct tdcm_buffer.data_length once and checks it against what it
 * offered.
 */
#ifndef _UAPI_LINUX_TDCM_H
#define _UAPI_LINUX_TDCM_H

#include <linux/types.h>

/* Largest buffer, in pages of 4 KiB, header included */
#define TDCM_BUFFER_PAGES_MAX		16

/* The only version of the header */
#define TDCM_VERSION			0

/**
 * enum tdcm_operation - &struct tdcm_buffer.operation
 *
 * No operation has request data. The state that an operation requires is the
 * TDISP state of the device; any other gives %TDCM_ERROR_INVALID_STATE.
 *
 * @TDCM_OP_CHECK_TEEIO_SUPP: What can be done with this device? Reply: one byte,
 *	TDCM_SUPP_*, 0 if it cannot be bound. Any state.
 * @TDCM_OP_BIND: Bind the device to the VM and lock it: CONFIG_UNLOCKED to
 *	CONFIG_LOCKED. Reply: none. The VMM may do so unasked. The guest finds
 *	the device in CONFIG_LOCKED then, and may go on from there.
 * @TDCM_OP_GET_DEV_INFO: What the host keeps about the device (certificates,
 *	measurements), opaque here. Reply: the bytes. CONFIG_LOCKED or RUN.
 *	Optional.
 * @TDCM_OP_GET_TDI_REPORT: The device interface report. Reply: the whole
 *	report, or %TDCM_STATUS_ERROR if it does not fit. CONFIG_LOCKED or RUN.
 * @TDCM_OP_START_TDI: Start the device: CONFIG_LOCKED to RUN. The VM made the
 *	MMIO of the device private before. Reply: none.
 * @TDCM_OP_GET_TDI_STATE: Reply: one byte, the TDISP state: CONFIG_UNLOCKED 0,
 *	CONFIG_LOCKED 1, RUN 2, ERROR 3. Any state.
 * @TDCM_OP_UNBIND: Stop the device and take it out of the VM: to
 *	CONFIG_UNLOCKED, from where it does nothing and succeeds. The MMIO of
 *	the device is shared again, and its DMA does not reach private memory.
 *	Reply: none. Any state.
 * @TDCM_OP_ENABLE_DMA: Let DMA of the device reach private memory, that which is
 *	private now and that which turns so later. Shared memory is in its
 *	reach as before. Reply: none. RUN; succeeds if it does so already. If
 *	it fails, the device reaches shared memory only, and its state is what
 *	it was. Only if %TDCM_SUPP_PRIVATE_DMA is there.
 * @TDCM_OP_DISABLE_DMA: Back to shared memory only, which is in force when the
 *	operation is done. Reply: none. Any state, which it leaves alone; does
 *	nothing and succeeds if DMA is not enabled.
 *
 * The last two are not part of GHCI, as TDX guests ask the TDX module instead.
 */
enum tdcm_operation {
	TDCM_OP_CHECK_TEEIO_SUPP = 1,
	TDCM_OP_BIND = 2,
	TDCM_OP_GET_DEV_INFO = 3,
	TDCM_OP_GET_TDI_REPORT = 4,
	TDCM_OP_START_TDI = 5,
	TDCM_OP_GET_TDI_STATE = 6,
	TDCM_OP_UNBIND = 7,
	TDCM_OP_ENABLE_DMA = 0x80,
	TDCM_OP_DISABLE_DMA = 0x81,
};

/* Reply of %TDCM_OP_CHECK_TEEIO_SUPP: the device can be bound... */
#define TDCM_SUPP_TEEIO			0x01
/* ...and its DMA can go to private memory. Does not change while the VM runs. */
#define TDCM_SUPP_PRIVATE_DMA		0x02

/**
 * enum tdcm_status - &struct tdcm_buffer.status
 * @TDCM_STATUS_WAIT: Set by the guest: not done yet
 * @TDCM_STATUS_COMPLETED: Done, the reply is in &struct tdcm_buffer.data
 * @TDCM_STATUS_ERROR: Failed as &struct tdcm_buffer.error says, no reply. After
 *	an operation that changes the state of the device, the state is not
 *	known: ask for it, or unbind.
 */
enum tdcm_status {
	TDCM_STATUS_WAIT = 0,
	TDCM_STATUS_COMPLETED = 1,
	TDCM_STATUS_ERROR = 2,
};

/**
 * enum tdcm_error - &struct tdcm_buffer.error, with %TDCM_STATUS_ERROR
 * @TDCM_ERROR_TDX_MODULE: The TSM failed or refused: the TDX module, or what
 *	stands in for it
 * @TDCM_ERROR_DEVICE: The device failed or cannot do it
 * @TDCM_ERROR_SPDM: An SPDM message failed
 * @TDCM_ERROR_IDE_KM: An IDE_KM message failed
 * @TDCM_ERROR_TDISP: A TDISP message failed
 * @TDCM_ERROR_INVALID_STATE: The operation is not allowed in the state that
 *	the device is in
 */
enum tdcm_error {
	TDCM_ERROR_TDX_MODULE = 10,
	TDCM_ERROR_DEVICE = 11,
	TDCM_ERROR_SPDM = 12,
	TDCM_ERROR_IDE_KM = 13,
	TDCM_ERROR_TDISP = 14,
	TDCM_ERROR_INVALID_STATE = 15,
};

/**
 * struct tdcm_buffer - the shared buffer of one request
 * @operation: in: enum tdcm_operation
 * @version: in: %TDCM_VERSION
 * @rsvd0: in: must be 0
 * @rsvd1: in: must be 0
 * @status: in: %TDCM_STATUS_WAIT; out: enum tdcm_status, written after all
 *	other fields
 * @error: in: must be 0; out: enum tdcm_error if @status is
 *	%TDCM_STATUS_ERROR, else 0
 * @rsvd2: in: must be 0
 * @rsvd3: in: must be 0
 * @data_length: in: bytes that the reply may take in @data, at most the size of
 *	the buffer less this header; out: bytes of the reply
 * @data: in: zeroes; out: the reply
 *
 * Little endian. The guest zeroes the whole buffer before it fills in a
 * request.
 */
struct tdcm_buffer {
	__le16 operation;
	__u8 version;
	__u8 rsvd0;
	__le32 rsvd1;
	__u8 status;
	__u8 error;
	__le16 rsvd2;
	__le32 rsvd3;
	__le32 data_length;
	__u8 data[];
};

#endif /* _UAPI_LINUX_TDCM_H */
