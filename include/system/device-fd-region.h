/*
 * Device-fd region: device memory that QEMU hands on but never touches
 *
 * A device-fd region is an I/O MemoryRegion that carries a file descriptor.
 * Memory listeners that can map a file descriptor without a virtual address
 * do so: KVM's makes a memslot, VFIO's an IOAS mapping.  To everybody else it
 * is a region whose accesses fail: there is no host pointer, so it is not RAM,
 * and an access that does reach QEMU reads as all ones and is not written.
 *
 * A convertible region has two views, shared and private.  Users of the shared
 * view register a listener and are told before a range turns private.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_DEVICE_FD_REGION_H
#define SYSTEM_DEVICE_FD_REGION_H

#include "system/device-fd-state.h"
#include "system/memory.h"

typedef struct DeviceFdRegion DeviceFdRegion;

/**
 * struct DeviceFdGuard - whoever has a say in what the guest does to a region
 *
 * All are called with the BQL held.
 *
 * @may_convert: may the guest convert this range?  Some of it has not got the
 *     wanted state yet.  Called before anything changes.  Returns 0 or -errno.
 * @unmapped: the memslot of a part of the region is about to go.  May hide the
 *     region, and others with it: then their memslots go as well.
 * @kept: does what is private have to stay so, whatever becomes of its
 *     memslot?  Asked after @unmapped.
 * @missed: a vCPU wants a view of the region at @gpa that it does not have, and
 *     waits until it has; called more than once for the same
 */
typedef struct DeviceFdGuard {
    int (*may_convert)(DeviceFdRegion *region, uint64_t offset, uint64_t size,
                       bool to_private);
    void (*unmapped)(DeviceFdRegion *region);
    bool (*kept)(DeviceFdRegion *region);
    void (*missed)(DeviceFdRegion *region, int cpu_index, hwaddr gpa);
} DeviceFdGuard;

/**
 * struct DeviceFdRegion - a device-fd region
 *
 * @mr: the MemoryRegion; its owner keeps this struct alive
 * @fd: file that holds the memory, and nothing else; the owner closes it, and
 *     not before @mr has left all address spaces
 * @convertible: the guest may turn parts of it private
 * @warned: a failure that may repeat has been reported
 * @hidden: gets no memslot and no DMA mapping: the guest reads all ones, and
 *     its other devices do not reach it
 * @slot_bytes: bytes that memslots cover
 * @slot_gpa: where the first byte of the region is, or would be, in the guest
 *     by its latest memslot; HWADDR_MAX: it had none
 * @next: in the list of all regions
 * @guard: NULL if there is none
 * @state: which parts are private; guarded by the BQL
 */
struct DeviceFdRegion {
    MemoryRegion mr;
    int fd;
    bool convertible;
    bool warned;
    bool hidden;
    uint64_t slot_bytes;
    hwaddr slot_gpa;
    QLIST_ENTRY(DeviceFdRegion) next;
    const DeviceFdGuard *guard;
    DeviceFdState state;
};

/**
 * device_fd_region_init: set up a region, all of it shared
 * @region: zeroed memory that outlives the region
 * @owner: owner of the MemoryRegion
 * @name: shown by "info mtree"
 * @size: bytes, page aligned, not 0
 * @fd: the file; stays the caller's, see &struct DeviceFdRegion
 * @convertible: whether the guest may turn parts of it private
 */
void device_fd_region_init(DeviceFdRegion *region, Object *owner,
                           const char *name, uint64_t size, int fd,
                           bool convertible);

/**
 * device_fd_region_destroy: free what device_fd_region_init() allocated
 * @region: a region that no address space and no listener uses
 */
void device_fd_region_destroy(DeviceFdRegion *region);

/**
 * device_fd_region_from_mr: is this a device-fd region?
 * @mr: a terminal MemoryRegion, as in a MemoryRegionSection
 *
 * Returns: the region, or NULL if @mr is something else.
 */
DeviceFdRegion *device_fd_region_from_mr(MemoryRegion *mr);

/* device_fd_region_from_fd: whose file is it?  There must be one. */
DeviceFdRegion *device_fd_region_from_fd(int fd);

/**
 * device_fd_region_last_at: what with a guard is or was at an address
 * @gpa: guest physical address
 *
 * Context: BQL.
 * Returns: the region, which need not be in an address space any more; or NULL.
 */
DeviceFdRegion *device_fd_region_last_at(hwaddr gpa);

/**
 * device_fd_region_refresh: make the listeners set up their mappings anew
 * @region: the region
 *
 * For use after a reset of the device that the memory API did not see:
 * mappings made before it are dead.
 *
 * Context: BQL.
 */
void device_fd_region_refresh(DeviceFdRegion *region);

#endif /* SYSTEM_DEVICE_FD_REGION_H */
