/*
 * RAM that a confidential guest converts: users of the shared view
 *
 * The RAM of such a guest has two backings, the VMM's memory and a guest_memfd,
 * and each page is in use in one of them.  RamBlockAttributes records in which;
 * KVM's attributes and the users of the shared view (DMA mappings) follow it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_PRIVATE_RAM_H
#define SYSTEM_PRIVATE_RAM_H

#include "system/device-fd-state.h"
#include "system/memory.h"

/* private_ram: does the guest convert the pages of this region? */
bool private_ram(MemoryRegion *mr);

/**
 * private_ram_listen: be told before pages turn private, and after they turned
 *     shared
 * @mr: a region for which private_ram() is true
 * @listener: offsets that it gets are bytes inside @mr; what it returns from
 *     @notify_shared fails the conversion.  Stays the caller's.
 *
 * Context: BQL.
 */
void private_ram_listen(MemoryRegion *mr, DeviceFdListener *listener);

/* private_ram_unlisten: the undo of private_ram_listen() */
void private_ram_unlisten(DeviceFdListener *listener);

/**
 * private_ram_foreach: visit the maximal runs of one view
 * @mr: a region for which private_ram() is true
 * @offset: first byte of the window, page aligned
 * @size: bytes of the window, page aligned
 * @is_private: which view
 * @visit: called in ascending order with runs cut to the window
 * @opaque: for @visit
 *
 * Context: BQL.
 * Returns: 0, or what @visit returned to stop.
 */
int private_ram_foreach(MemoryRegion *mr, uint64_t offset, uint64_t size,
                        bool is_private, DeviceFdVisit *visit, void *opaque);

#endif /* SYSTEM_PRIVATE_RAM_H */
