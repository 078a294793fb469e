/*
 * Requests of a guest about its TEE-I/O devices: TDCM
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_REQUEST_H
#define HW_VFIO_PRIVATE_REQUEST_H

#include "exec/hwaddr.h"
#include "binding.h"

/**
 * struct TDCMCall - how the guest rings, from registers
 * @devid: requester ID of the device in the guest, segment in bits 31:16
 * @gpa: the buffer, without a shared bit
 * @size: bytes
 * @vector: interrupt for the completion, 0: the guest polls
 * @apic_id: of the vCPU that rings, which is the one to get it
 */
typedef struct TDCMCall {
    uint64_t devid;
    uint64_t gpa;
    uint64_t size;
    uint64_t vector;
    uint32_t apic_id;
} TDCMCall;

/*
 * The guest, as far as a request needs it: request-kvm.c and device-tdi.c have
 * that, the unit tests have fakes.  Context: BQL.
 */

/**
 * vfio_private_tdi_find: find a device that can be bound
 *
 * Returns: its binding, with a reference to what contains it; or NULL.
 */
TDIBinding *vfio_private_tdi_find(uint32_t rid);

/* tdcm_guest_shared: is all of this range ordinary RAM that is shared? */
bool tdcm_guest_shared(hwaddr gpa, uint64_t size);

/* tdcm_guest_read, _write: return false if it is not such a range any more */
bool tdcm_guest_read(hwaddr gpa, void *buf, uint64_t size);
bool tdcm_guest_write(hwaddr gpa, const void *buf, uint64_t size);

/* tdcm_guest_interrupt: raise an interrupt for a vCPU */
void tdcm_guest_interrupt(uint32_t apic_id, uint8_t vector);

/* How long a vCPU waits for the end of its request before it has to poll */
#define TDCM_WAIT_MS 100

/* How many requests for one device a guest may have at a time */
#define TDCM_PENDING_MAX 8

/**
 * vfio_private_request: carry out a request of the guest
 * @call: all of it may be hostile
 *
 * The buffer gets the result, as the guest's header linux/tdcm.h describes it.
 * Mostly it has it when this returns.  If the TSM takes its time, or the VM
 * stops meanwhile, it comes later, and the guest polls for it.  A guest that
 * wants an interrupt is not held up at all; it gets one for each request that
 * was taken, after the result.
 *
 * Context: BQL, which is dropped for at most TDCM_WAIT_MS; a vCPU's thread.
 * Returns: 0 if the request was taken, whatever becomes of it; with the buffer
 *     untouched: -EINVAL: no such device, or the buffer is not one: shared RAM,
 *     whole pages, at most TDCM_BUFFER_PAGES_MAX, a proper header; no vector
 *     that a device may use.
 */
int vfio_private_request(const TDCMCall *call);

/* vfio_private_request_resume: the VM runs again, it may have its results */
void vfio_private_request_resume(void);

/* vfio_private_request_reset: whoever has asked will not be there any more */
void vfio_private_request_reset(void);

#endif /* HW_VFIO_PRIVATE_REQUEST_H */
