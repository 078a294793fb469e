/*
 * The human monitor: info tdi, tdi_bind, tdi_unbind, info private_memory; and
 * query-private-memory: how much of the guest's memory is private
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
#include "qobject/qdict.h"
#include "system/memory.h"
#include "system/ramblock.h"

static void hmp_print_slices(Monitor *mon, const TDISliceList *list)
{
    for (; list; list = list->next) {
        const TDISlice *slice = list->value;

        monitor_printf(mon, "  BAR %u offset 0x%" PRIx64 " size 0x%" PRIx64
                       ": %s", slice->bar, slice->offset, slice->size,
                       TDIAttribute_str(slice->attribute));
        if (slice->has_address) {
            monitor_printf(mon, " at 0x%" PRIx64, slice->address);
        } else {
            monitor_printf(mon, ", not mapped");
        }
        monitor_printf(mon, "%s%s\n", slice->kvm ? ", memory slot" : "",
                       slice->dma ? ", DMA" : "");
    }
}

static void hmp_print_tdi(Monitor *mon, const TDIInfo *info)
{
    monitor_printf(mon, "%s: host %s, guest %02x:%02x.%x, %s%s\n",
                   info->id ?: info->qom_path, info->host,
                   (info->guest_rid >> 8) & 0xff, (info->guest_rid >> 3) & 0x1f,
                   info->guest_rid & 7, TDIState_str(info->state),
                   info->busy ? ", busy" : "");
    if (info->tsm) {
        monitor_printf(mon, "  TSM %s, kind %s\n", info->tsm,
                       TSMKind_str(info->tsm_kind));
    } else {
        monitor_printf(mon, "  not connected to a TSM\n");
    }
    hmp_print_slices(mon, info->slices);
    if (info->has_private_dma) {
        monitor_printf(mon, "  DMA to %" PRIu64 " KiB of private memory\n",
                       info->private_dma / 1024);
    } else if (info->private_dma_enabled) {
        monitor_printf(mon, "  DMA to private memory, how much is not known\n");
    }
    if (info->report_digest) {
        monitor_printf(mon, "  report SHA-256 %s\n", info->report_digest);
    }
    monitor_printf(mon, "  %" PRIu64 " binds, %" PRIu64 " conversions, %" PRIu64
                   " errors\n", info->binds, info->conversions, info->errors);
    if (info->last_error) {
        monitor_printf(mon, "  last error: %s: %s\n",
                       TDIOperation_str(info->last_error->operation),
                       info->last_error->desc);
    }
}

/* Only what is in the way */
static void hmp_print_capabilities(Monitor *mon)
{
    g_autoptr(TDICapabilities) caps = qmp_query_tdi_capabilities(NULL);
    TDIInterfaceInfoList *one;
    strList *reason;

    for (reason = caps->reasons; reason; reason = reason->next) {
        monitor_printf(mon, "%s\n", reason->value);
    }
    for (one = caps->interfaces; one; one = one->next) {
        if (one->value->status == TDI_INTERFACE_STATUS_MISSING) {
            monitor_printf(mon, "missing: %s: %s\n",
                           TDIInterface_str(one->value->interface),
                           one->value->reason);
        }
    }
}

void hmp_info_tdi(Monitor *mon, const QDict *qdict)
{
    g_autoptr(TDIInfoList) list = qmp_query_tdi(NULL);
    TDIInfoList *one;

    for (one = list; one; one = one->next) {
        hmp_print_tdi(mon, one->value);
    }
    hmp_print_capabilities(mon);
}

static void hmp_print_request(Monitor *mon, TDIRequestInfo *info, Error *err)
{
    if (info) {
        monitor_printf(mon, "request %" PRIu64 "\n", info->request);
    }
    qapi_free_TDIRequestInfo(info);
    hmp_handle_error(mon, err);
}

void hmp_tdi_bind(Monitor *mon, const QDict *qdict)
{
    Error *err = NULL;
    TDIRequestInfo *info = qmp_tdi_bind(qdict_get_str(qdict, "id"), &err);

    hmp_print_request(mon, info, err);
}

void hmp_tdi_unbind(Monitor *mon, const QDict *qdict)
{
    Error *err = NULL;
    TDIRequestInfo *info = qmp_tdi_unbind(qdict_get_str(qdict, "id"), &err);

    hmp_print_request(mon, info, err);
}

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
