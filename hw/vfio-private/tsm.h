/*
 * TSMs, and what one does for an assigned device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TSM_H
#define HW_VFIO_PRIVATE_TSM_H

#include "qapi/qapi-types-tdi.h"

/*
 * Why a device cannot be bound if tsm_iommufd_new() has failed.  A kernel
 * without this type says EOPNOTSUPP, one without vIOMMUs ENOTTY, and ENOENT
 * stands for a device without a page table.  Which of them, or whether it is
 * another, is only in the trace vfio_private_no_tsm.
 */
#define TSM_NO_VIOMMU \
    "the host kernel has no IOMMU_VIOMMU_TYPE_TSM: boot one with " \
    "patches-kernel/ applied"

typedef struct TDIBinding TDIBinding;
typedef struct TSMArch TSMArch;
typedef struct TSMContext TSMContext;
typedef struct VFIODevice VFIODevice;

/**
 * struct TSMOps - a TSM, seen from one device
 *
 * All of them may sleep for as long as the device takes to answer.  The caller
 * serializes the calls for one context, and does not need the BQL.
 *
 * Returns, of all that return int: 0; -EBUSY: the device is not in a condition
 * for it (memory decode or bus mastering off, low power, reset); -ENXIO: the
 * device is not connected to a TSM; -EIO: the device or the TSM failed;
 * -EOPNOTSUPP: the TSM cannot do this; other errnos have no meaning of their
 * own.  Where there is a @code, it is set in any case: TDISP's code of the
 * error that the device answered with, or 0.
 *
 * @look: can the device be bound, and what is it connected to?
 *     @name: out: name of the TSM, to be freed; @kind: out: its kind.  Left as
 *     they are if there is none or it is not known.
 *     Guarantees: asks no device, changes nothing.  May have to wait until the
 *     host has connected, or disconnected, some other device.
 * @bind: bind the device to the VM and lock it
 *     @rid: its requester ID in the guest, segment in bits 31:16
 *     Guarantees: after 0 the TDI is in CONFIG_LOCKED.  After an error it is
 *     not bound, unless unbind fails, too.
 * @unbind: stop the device and take it out of the VM; idempotent
 *     Guarantees: after 0 the TDI is in CONFIG_UNLOCKED, no work of it is in
 *     progress, and what it held is scrubbed.
 * @get_state: ask the device for its state
 *     @state: out: TDISP's number
 *     Guarantees: changes nothing.
 * @read_report: read the whole interface report
 *     @report: out, on success only: the bytes as the device sent them; the
 *     caller frees it
 *     Guarantees: at most TDI_REPORT_MAX_SIZE bytes.  Changes nothing.
 * @start: start the device
 *     Guarantees: after 0 the TDI is in RUN.  After an error its state is not
 *     known.
 * @enable_dma: let DMA of the device reach private memory, in RUN
 *     Guarantees: after an error it does not.  Idempotent.
 * @disable_dma: to shared memory only; done with by @unbind as well
 *     Guarantees: after 0 it reaches no private memory any more.  Idempotent.
 * @dma_bytes: how much private memory does it reach at this moment?
 *     Guarantees: asks no device.  With the BQL, beside any other.  Returns
 *     false if that is not known.
 * @ended: has the host unbound it since @bind, and has @unbind not been called?
 *     Guarantees: does not sleep, asks nobody.  With the BQL, beside any other.
 */
typedef struct TSMOps {
    bool (*look)(TSMContext *ctx, char **name, TSMKind *kind);
    int (*bind)(TSMContext *ctx, uint32_t rid);
    int (*unbind)(TSMContext *ctx);
    int (*get_state)(TSMContext *ctx, uint32_t *state, uint64_t *code);
    int (*read_report)(TSMContext *ctx, GByteArray **report, uint64_t *code);
    int (*start)(TSMContext *ctx, uint64_t *code);
    int (*enable_dma)(TSMContext *ctx);
    int (*disable_dma)(TSMContext *ctx);
    bool (*dma_bytes)(TSMContext *ctx, uint64_t *bytes);
    bool (*ended)(TSMContext *ctx);
} TSMOps;

/**
 * tsm_iommufd_new: prepare a VFIO device for being bound
 * @vbasedev: device that is attached to its iommufd; outlives the context
 * @tee_io: the device says that it can be a TDI; only counts if the host's
 *     sysfs is not at hand
 * @arch: kind of the guest, which is not refused
 * @rid: requester ID in the guest, as far as it is known now
 *
 * Makes a vIOMMU, which ties the VM to the device, and a vDEVICE in it.  The
 * requester ID of a device behind a bridge is not final before firmware has
 * numbered the buses: bind makes a new vDEVICE if it has changed.
 *
 * Returns: the context, for tsm_iommufd_ops, to be freed before the device is
 *     detached; or NULL: the kernel cannot bind devices.
 */
TSMContext *tsm_iommufd_new(VFIODevice *vbasedev, bool tee_io,
                            const TSMArch *arch, uint32_t rid);

/**
 * tsm_iommufd_listen: be told of what happens to the device from now on
 * @binding: is told, by tdi_binding_disconnected() and tdi_binding_told(), with
 *     the BQL, in the main loop; others may be at work with the context
 *
 * That it is disconnected from its TSM, or about to be: what &TSMOps.look says
 * may be late.  That it was unbound on behalf of the host, see &TSMOps.ended.
 * That it may have fallen into ERROR, or that news were lost: only the device
 * knows.
 *
 * A kernel that does not tell is none to fail with.
 *
 * Returns: whether it does tell.
 */
bool tsm_iommufd_listen(TSMContext *ctx, TDIBinding *binding);

/**
 * tsm_iommufd_may_bind: would the kernel bind the device with these flags?
 * @fd: the device
 * @flags: VFIO_DEVICE_BIND_FLAG_*
 *
 * Changes nothing.  False if it does not know the flags, or has private
 * bindings and another process has bound the device; others do not tell.
 */
bool tsm_iommufd_may_bind(int fd, uint32_t flags);

/* tsm_iommufd_free: destroy vDEVICE, which unbinds, and vIOMMU; takes NULL. */
void tsm_iommufd_free(TSMContext *ctx);

extern const TSMOps tsm_iommufd_ops;

/**
 * tsm_kind: what kind of TSM is this?
 * @root: folder that holds /sys; "" but for tests
 * @name: name of the TSM in /sys/class/tsm
 *
 * Returns: the kind, TSM_KIND_UNKNOWN if sysfs does not tell.
 */
TSMKind tsm_kind(const char *root, const char *name);

#endif /* HW_VFIO_PRIVATE_TSM_H */
