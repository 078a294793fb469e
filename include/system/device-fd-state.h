/*
 * Which parts of a device-fd region are private, and who must agree
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_DEVICE_FD_STATE_H
#define SYSTEM_DEVICE_FD_STATE_H

#include "qemu/interval-tree.h"
#include "qemu/queue.h"

/*
 * The guest decides how finely it cuts a region, so the number of ranges that
 * QEMU, KVM and iommufd keep track of needs a bound.
 */
#define DEVICE_FD_MAX_PRIVATE 1024

typedef struct DeviceFdListener DeviceFdListener;

/**
 * struct DeviceFdListener - one user of the shared view of a region
 *
 * All calls come with the BQL held.  Offsets and sizes are bytes inside the
 * region and page aligned.
 *
 * @notify: stop using a range that is about to turn private, or use one that
 *     has turned shared.  Each is also the undo of the other, and then its
 *     result only matters to traces.  Returns 0, or -errno with the range
 *     still in use as before, or not in use.
 * @refresh: what was set up for the shared parts is dead because the device
 *     was reset; set it up anew.  Optional.
 * @mr: with private_ram_listen(): the region
 */
struct DeviceFdListener {
    int (*notify)(DeviceFdListener *listener, uint64_t offset, uint64_t size,
                  bool to_private);
    void (*refresh)(DeviceFdListener *listener);
    MemoryRegion *mr;
    QTAILQ_ENTRY(DeviceFdListener) next;
};

/**
 * struct DeviceFdState - the two views of one region
 *
 * @size: bytes, a multiple of the page size
 * @private_set: private ranges; disjoint, and no two of them touch
 * @nr_private: number of nodes in @private_set
 * @conversions: how often a range was converted, either way
 * @listeners: in the order in which they are told of a range turning private
 *
 * Guarded by the BQL.
 */
typedef struct DeviceFdState {
    uint64_t size;
    IntervalTreeRoot private_set;
    unsigned int nr_private;
    uint64_t conversions;
    QTAILQ_HEAD(, DeviceFdListener) listeners;
} DeviceFdState;

/**
 * DeviceFdApply: make the conversion real
 * @opaque: as given to device_fd_state_convert()
 * @offset: bytes inside the region
 * @size: bytes
 * @to_private: the wanted state; parts of the range may have it already
 *
 * Returns: 0, or -errno with nothing changed.
 */
typedef int DeviceFdApply(void *opaque, uint64_t offset, uint64_t size,
                          bool to_private);

/**
 * DeviceFdVisit: look at one range
 * @opaque: as given to device_fd_state_foreach()
 * @offset: bytes inside the region
 * @size: bytes
 *
 * Returns: 0 to go on, anything else to stop.
 */
typedef int DeviceFdVisit(void *opaque, uint64_t offset, uint64_t size);

/* device_fd_state_init: everything shared, no listeners. */
void device_fd_state_init(DeviceFdState *state, uint64_t size);

/* device_fd_state_destroy: free the ranges; no listener may be left. */
void device_fd_state_destroy(DeviceFdState *state);

/**
 * device_fd_state_convert: move a range to the other view
 * @state: the state
 * @offset: bytes, page aligned
 * @size: bytes, page aligned, not 0
 * @to_private: true: shared to private
 * @apply: called once for the whole range, however many runs of it change;
 *     NULL: it is nowhere in the guest
 * @opaque: for @apply
 *
 * Order towards private: listeners, @apply, commit.  Towards shared: @apply,
 * listeners, commit.  A step that fails undoes the ones before in reverse
 * order, and the state stays as it was.  A range that already has the wanted
 * state succeeds without a call.
 *
 * Context: BQL.
 * Returns: 0; -EINVAL if the range is empty, not aligned or not inside;
 *     -ENOSPC if the region would be cut into more than DEVICE_FD_MAX_PRIVATE
 *     private runs; what a listener or @apply returned.
 */
int device_fd_state_convert(DeviceFdState *state, uint64_t offset,
                            uint64_t size, bool to_private,
                            DeviceFdApply *apply, void *opaque);

/**
 * device_fd_state_foreach: visit the runs of one view
 * @state: the state; the visitor must not change it
 * @offset: first byte
 * @size: bytes
 * @is_private: which view
 * @visit: called in ascending order with runs cut to the range
 * @opaque: for @visit
 *
 * Returns: 0, or what @visit returned to stop.
 */
int device_fd_state_foreach(DeviceFdState *state, uint64_t offset,
                            uint64_t size, bool is_private,
                            DeviceFdVisit *visit, void *opaque);

/* device_fd_state_any: is a byte of the range in this view? */
bool device_fd_state_any(DeviceFdState *state, uint64_t offset, uint64_t size,
                         bool is_private);

#endif /* SYSTEM_DEVICE_FD_STATE_H */
