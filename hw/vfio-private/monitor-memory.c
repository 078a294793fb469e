/*
 * query-private-memory and info private_memory: how much of the guest's memory
 * is private
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "exec/cpu-common.h"
#include "monitor/hmp.h"
#include "monitor/hmp-tdi.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"
#include "system/memory.h"
#include "system/ramblock.h"

static int private_memory_range(MemoryRegionSection *section, void *opaque)
{
    PrivateMemoryInfo *info = opaque;

    info->q_private += int128_get64(section->size);
    info->ranges++;
    return 0;
}

static int private_memory_block(RAMBlock *block, void *opaque)
{
    PrivateMemoryInfo *info = opaque;
    MemoryRegionSection section = {
        .mr = block->mr,
        .size = memory_region_size(block->mr),
    };

    if (!memory_region_has_guest_memfd(block->mr)) {
        return 0;
    }
    info->size += int128_get64(section.size);
    return ram_discard_manager_replay_discarded(
        memory_region_get_ram_discard_manager(block->mr), &section,
        private_memory_range, info);
}

PrivateMemoryInfo *qmp_query_private_memory(Error **errp)
{
    PrivateMemoryInfo *info = g_new0(PrivateMemoryInfo, 1);

    /* What is counted cannot fail. */
    qemu_ram_foreach_block(private_memory_block, info);
    return info;
}

void hmp_info_private_memory(Monitor *mon, const QDict *qdict)
{
    g_autoptr(PrivateMemoryInfo) info = qmp_query_private_memory(NULL);

    monitor_printf(mon, "%" PRIu64 " of %" PRIu64 " KiB are private, in %"
                   PRIu64 " ranges\n", info->q_private / 1024,
                   info->size / 1024, info->ranges);
}
