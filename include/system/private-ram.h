/*
 * RAM that a confidential guest converts: users of the shared view
 *
 * The RAM of such a guest has two backings, the VMM's memory and a guest_memfd,
 * and each page is in use in one of them.  RamBlockAttributes records in which;
 * KVM's attributes and the users of the shared view (DMA mappings) follow it.
 *
 * Devices reach the private view by the host's IOMMU if the kind of guest
 * allows for it.  Of other kinds, a TSM has page tables of its own, or there is
 * no way.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_PRIVATE_RAM_H
#define SYSTEM_PRIVATE_RAM_H

#include "system/device-fd-state.h"
#include "system/memory.h"

/**
 * private_ram_listen: be told before pages turn private, and after they turned
 *     shared
 * @mr: a region that has guest_memfd
 * @listener: offsets that it gets are bytes inside @mr; what it returns from
 *     @notify fails the conversion.  Stays the caller's.
 *
 * Context: BQL.
 */
void private_ram_listen(MemoryRegion *mr, DeviceFdListener *listener);

/* private_ram_unlisten: the undo of private_ram_listen() */
void private_ram_unlisten(DeviceFdListener *listener);

/**
 * private_ram_foreach: visit the runs of one view
 * @mr: a region that has guest_memfd
 * @offset: first byte, page aligned
 * @size: bytes, page aligned
 * @is_private: which view
 * @visit: called in ascending order with runs cut to the range
 * @opaque: for @visit
 *
 * Context: BQL.
 * Returns: 0, or what @visit returned to stop.
 */
int private_ram_foreach(MemoryRegion *mr, uint64_t offset, uint64_t size,
                        bool is_private, DeviceFdVisit *visit, void *opaque);

/**
 * private_ram_populate: let private pages have their memory
 * @mr: a region that has guest_memfd
 * @offset: first byte, page aligned
 * @size: bytes, page aligned
 *
 * A device cannot wait for a page to be made, as a vCPU can.
 *
 * Context: BQL.
 * Returns: 0 or -errno.
 */
int private_ram_populate(MemoryRegion *mr, uint64_t offset, uint64_t size);

/**
 * private_ram_keep_populated: populate what turns private, or no longer
 * @keep: one more who needs it, or one less
 *
 * What is private already, or appears as such, is the caller's to populate.
 *
 * Context: BQL.
 */
void private_ram_keep_populated(bool keep);

#endif /* SYSTEM_PRIVATE_RAM_H */
