/*
 * KVM: conversion of RAM
 *
 * A range converts as a whole or not at all, however many blocks it is in.  The
 * order of its steps, and what becomes of one that cannot be undone, is under
 * "RAM" in docs/devel/vfio-private.rst.
 *
 * RamBlockAttributes is the record of what is private, one for each block.  It
 * also has listeners of its own; containers without iommufd are among them.
 *
 * That a page has two backings is known here and nowhere else.
 *
 * Everything here runs with the BQL held.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "qemu/error-report.h"
#include "qemu/madvise.h"
#include "system/kvm.h"
#include "system/kvm-private.h"
#include "system/private-ram.h"
#include "system/ramblock.h"
#include "kvm-private-int.h"
#include "trace.h"

static QTAILQ_HEAD(, DeviceFdListener) listeners =
    QTAILQ_HEAD_INITIALIZER(listeners);

void private_ram_listen(MemoryRegion *mr, DeviceFdListener *listener)
{
    listener->mr = mr;
    QTAILQ_INSERT_TAIL(&listeners, listener, next);
}

void private_ram_unlisten(DeviceFdListener *listener)
{
    QTAILQ_REMOVE(&listeners, listener, next);
}

/* The record has a bit for each page, set while it is shared. */
int private_ram_foreach(MemoryRegion *mr, uint64_t offset, uint64_t size,
                        bool is_private, DeviceFdVisit *visit, void *opaque)
{
    RamBlockAttributes *attr = RAM_BLOCK_ATTRIBUTES(mr->rdm);
    uint64_t page = qemu_real_host_page_size();
    unsigned long end = (offset + size) / page;
    unsigned long first = offset / page;
    int ret = 0;

    while (first < end && !ret) {
        bool shared = test_bit(first, attr->bitmap);
        unsigned long last =
            shared ? find_next_zero_bit(attr->bitmap, end, first) :
                     find_next_bit(attr->bitmap, end, first);

        if (shared != is_private) {
            ret = visit(opaque, first * page, (last - first) * page);
        }
        first = last;
    }
    return ret;
}

/*
 * DMA to the private view
 */

static unsigned int populate_users;

int private_ram_populate(MemoryRegion *mr, uint64_t offset, uint64_t size)
{
    return RETRY_ON_EINTR(fallocate(mr->ram_block->guest_memfd,
                                    FALLOC_FL_KEEP_SIZE, offset,
                                    size)) ? -errno : 0;
}

void private_ram_keep_populated(bool keep)
{
    populate_users += keep ? 1 : -1;
}

/*
 * Conversion
 */

typedef struct KVMRamRun {
    MemoryRegion *mr;
    hwaddr gpa;
    uint64_t offset;    /* of @gpa, in @mr */
    uint64_t size;
} KVMRamRun;

typedef struct KVMRamRuns {
    const MemoryRegionSection *section;
    GArray *runs;
} KVMRamRuns;

static int ram_collect(void *opaque, uint64_t offset, uint64_t size)
{
    KVMRamRuns *runs = opaque;
    const MemoryRegionSection *section = runs->section;
    KVMRamRun run = {
        .mr = section->mr,
        .gpa = section->offset_within_address_space +
               (offset - section->offset_within_region),
        .offset = offset,
        .size = size,
    };

    g_array_append_val(runs->runs, run);
    return 0;
}

static void ram_unreachable(const KVMRamRun *run, int err)
{
    error_report("0x%" HWADDR_PRIx " + 0x%" PRIx64 ": devices cannot reach it "
                 "any more: %s", run->gpa, run->size, strerror(-err));
}

static int ram_notify(const KVMRamRun *run, bool to_private)
{
    DeviceFdListener *l;
    int ret = 0;

    QTAILQ_FOREACH(l, &listeners, next) {
        if (l->mr == run->mr) {
            ret = l->notify(l, run->offset, run->size, to_private);
            if (ret) {
                break;
            }
        }
    }
    while (ret && (l = QTAILQ_PREV(l, next))) {
        if (l->mr == run->mr &&
            l->notify(l, run->offset, run->size, !to_private)) {
            ram_unreachable(run, ret);
        }
    }
    return ret;
}

/*
 * The undo of leaving the shared view.  KVM has the run shared, so that is what
 * it is, whether or not it can be mapped.
 */
static void ram_share(const KVMRamRun *run)
{
    RamBlockAttributes *attr = RAM_BLOCK_ATTRIBUTES(run->mr->rdm);
    DeviceFdListener *l;
    int ret = ram_block_attributes_state_change(attr, run->offset, run->size,
                                                false);

    QTAILQ_FOREACH(l, &listeners, next) {
        if (l->mr == run->mr) {
            int err = l->notify(l, run->offset, run->size, false);

            ret = ret ?: err;
        }
    }
    if (ret) {
        ram_unreachable(run, ret);
    }
}

/* Take a run out of the shared view, or put it there, but for KVM. */
static int ram_move(const KVMRamRun *run, bool to_private)
{
    RamBlockAttributes *attr = RAM_BLOCK_ATTRIBUTES(run->mr->rdm);
    int ret = ram_block_attributes_state_change(attr, run->offset, run->size,
                                                to_private);

    ret = ret ?: ram_notify(run, to_private);
    if (ret) {
        /* Its own listeners may fail; the record itself does not. */
        ram_block_attributes_state_change(attr, run->offset, run->size,
                                          !to_private);
    }
    return ret;
}

static int ram_attribute(hwaddr gpa, hwaddr size, bool to_private)
{
    return to_private ? kvm_set_memory_attributes_private(gpa, size)
                      : kvm_set_memory_attributes_shared(gpa, size);
}

static void ram_stays(const KVMRamRun *run, const char *view, int err)
{
    error_report("0x%" HWADDR_PRIx " + 0x%" PRIx64 ": cannot be turned back "
                 "and stays %s: %s", run->gpa, run->size, view,
                 strerror(-err));
}

/*
 * Back to shared: the first @nr runs, the last one first; @set: KVM has them as
 * private.  A run that KVM keeps private stays out of every IOAS.
 */
static void ram_back_to_shared(GArray *runs, int nr, bool set)
{
    while (nr-- > 0) {
        KVMRamRun *run = &g_array_index(runs, KVMRamRun, nr);
        int ret = set ? ram_attribute(run->gpa, run->size, false) : 0;

        if (ret) {
            ram_stays(run, "private", ret);
        } else {
            ram_share(run);
            if (set && populate_users) {
                /* What there was memory for is not to be kept. */
                ram_block_discard_guest_memfd_range(run->mr->ram_block,
                                                    run->offset, run->size);
            }
        }
    }
}

static int ram_populate_run(const KVMRamRun *run)
{
    return populate_users ?
           private_ram_populate(run->mr, run->offset, run->size) : 0;
}

/* What has been discarded meanwhile is populated again, or stays shared. */
static int ram_private_again(const KVMRamRun *run)
{
    int ret = ram_attribute(run->gpa, run->size, true);

    if (!ret) {
        ret = ram_populate_run(run);
        if (ret && ram_attribute(run->gpa, run->size, false)) {
            ram_unreachable(run, ret);
            ret = 0;
        }
    }
    return ret;
}

/*
 * Back to private: all runs, of which the first @nr are in the IOAS.  One that
 * does not get out of there stays shared.  It is done run by run, as what lies
 * between has had the wanted state before.
 */
static void ram_back_to_private(GArray *runs, int nr)
{
    int i;

    for (i = runs->len - 1; i >= 0; i--) {
        KVMRamRun *run = &g_array_index(runs, KVMRamRun, i);
        int ret = i < nr ? ram_move(run, true) : 0;

        if (ret) {
            ram_stays(run, "shared", ret);
            continue;
        }
        ret = ram_private_again(run);
        if (ret) {
            ram_stays(run, "shared", ret);
            ram_share(run);
        }
    }
}

/* Returns how many runs have moved; *@ret: 0 if these are all of them. */
static int ram_move_all(GArray *runs, bool to_private, int *ret)
{
    int i;

    *ret = 0;
    for (i = 0; i < runs->len; i++) {
        *ret = ram_move(&g_array_index(runs, KVMRamRun, i), to_private);
        if (*ret) {
            break;
        }
    }
    return i;
}

/*
 * Of a private mapping the copies that it has of its file's pages.  The file is
 * somebody else's, or the guest's for the next time: no hole is made in it.
 */
static int ram_discard_copies(RAMBlock *block, uint64_t offset, uint64_t size)
{
    void *at = block->host + offset;
    int ret = qemu_madvise(at, size, QEMU_MADV_DONTNEED);

#ifdef MADV_DONTNEED_LOCKED
    if (ret && errno == EINVAL) {
        /* -overcommit mem-lock=on */
        ret = madvise(at, size, MADV_DONTNEED_LOCKED);
    }
#endif
    if (ret) {
        ret = -errno;
        error_report("cannot discard what %s has of its file at 0x%" PRIx64
                     " (0x%" PRIx64 " bytes): %s", block->idstr, offset, size,
                     strerror(-ret));
    }
    return ret;
}

/* Free the backing that is not in use any more. */
static int ram_discard(GArray *runs, bool to_private)
{
    int i, ret = 0;

    for (i = 0; i < runs->len && !ret; i++) {
        KVMRamRun *run = &g_array_index(runs, KVMRamRun, i);
        RAMBlock *block = run->mr->ram_block;

        if (!to_private) {
            ret = ram_block_discard_guest_memfd_range(block, run->offset,
                                                      run->size);
        } else if (block->page_size != qemu_real_host_page_size()) {
            /* Huge pages are set aside for the guest: nobody would gain. */
            continue;
        } else if (block->fd >= 0 && !qemu_ram_is_shared(block)) {
            ret = ram_discard_copies(block, run->offset, run->size);
        } else {
            ret = ram_block_discard_range(block, run->offset, run->size);
        }
    }
    return ret;
}

static int ram_populate(GArray *runs)
{
    int i, ret = 0;

    for (i = 0; i < runs->len && !ret; i++) {
        ret = ram_populate_run(&g_array_index(runs, KVMRamRun, i));
    }
    return ret;
}

static int ram_to_private(GArray *runs, hwaddr start, hwaddr size)
{
    bool set = false;
    int nr, ret;

    nr = ram_move_all(runs, true, &ret);
    if (!ret) {
        ret = ram_attribute(start, size, true);
        set = !ret;
    }
    if (!ret) {
        ret = ram_discard(runs, true);
    }
    if (!ret) {
        ret = ram_populate(runs);
    }
    if (ret) {
        ram_back_to_shared(runs, nr, set);
    }
    return ret;
}

static int ram_to_shared(GArray *runs, hwaddr start, hwaddr size)
{
    int nr, ret = ram_attribute(start, size, false);

    if (ret) {
        return ret;
    }
    nr = ram_move_all(runs, false, &ret);
    if (!ret) {
        ret = ram_discard(runs, false);
    }
    if (ret) {
        ram_back_to_private(runs, nr);
    }
    return ret;
}

int kvm_private_ram_convert(const GArray *sections, hwaddr start, hwaddr size,
                            bool to_private)
{
    g_autoptr(GArray) runs = g_array_new(false, false, sizeof(KVMRamRun));
    int i, ret = 0;

    for (i = 0; i < sections->len; i++) {
        KVMRamRuns collect = {
            .section = &g_array_index(sections, MemoryRegionSection, i),
            .runs = runs,
        };

        private_ram_foreach(collect.section->mr,
                            collect.section->offset_within_region,
                            int128_get64(collect.section->size), !to_private,
                            ram_collect, &collect);
    }
    if (runs->len) {
        ret = to_private ? ram_to_private(runs, start, size)
                         : ram_to_shared(runs, start, size);
    }
    trace_kvm_private_ram_convert(start, size,
                                  to_private ? "private" : "shared", runs->len,
                                  ret);
    return ret;
}

typedef struct KVMRamPlace {
    hwaddr base;        /* of the region, in the guest */
    bool is_private;
} KVMRamPlace;

static int ram_apply(void *opaque, uint64_t offset, uint64_t size)
{
    const KVMRamPlace *place = opaque;

    return ram_attribute(place->base + offset, size, place->is_private);
}

int kvm_private_ram_added(MemoryRegion *mr, hwaddr start, uint64_t offset,
                          uint64_t size)
{
    KVMRamPlace place = { .base = start - offset };
    int ret = private_ram_foreach(mr, offset, size, false, ram_apply, &place);

    place.is_private = true;
    if (!ret) {
        ret = private_ram_foreach(mr, offset, size, true, ram_apply, &place);
    }
    return ret;
}

void kvm_private_ram_removed(MemoryRegionSection *section)
{
    hwaddr page = qemu_real_host_page_size();
    hwaddr start = ROUND_UP(section->offset_within_address_space, page);
    hwaddr end = QEMU_ALIGN_DOWN(section->offset_within_address_space +
                                 int128_get64(section->size), page);

    /* Failure has been reported. */
    if (memory_region_has_guest_memfd(section->mr) && start < end) {
        ram_attribute(start, end - start, false);
    }
}
