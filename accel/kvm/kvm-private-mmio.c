/*
 * KVM: conversion of guest memory
 *
 * Device-fd regions are converted here, RAM in kvm-private-ram.c.
 *
 * Conversion follows decode and invoke: the whole range is looked at before
 * anything changes.  A range that cannot be converted is the guest's mistake;
 * it gets an error, and the VM goes on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/vfio-private.h>

#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "system/address-spaces.h"
#include "system/device-fd-region.h"
#include "system/kvm.h"
#include "system/kvm_int.h"
#include "system/kvm-private.h"
#include "kvm-private-int.h"
#include "trace.h"

/*
 * A vCPU that waits has its access converted in vain, a hundred times a second.
 * That is one line of the log; once device memory has been converted, the next
 * wait is another one.
 *
 * @address: of an access that could not be converted; @conversions: how many
 * there had been then; @repeated: the conversion is about that access again
 */
static __thread struct {
    hwaddr address;
    unsigned int conversions;
    bool repeated;
} kvm_wait = { .address = HWADDR_MAX };

/* Of device memory.  Guarded by the BQL. */
static unsigned int kvm_conversions;

int kvm_device_fd_set_attributes(const char *name, hwaddr gpa, uint64_t size,
                                 bool to_private)
{
    struct kvm_memory_attributes attrs = {
        .address = gpa,
        .size = size,
        .attributes = to_private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
    };
    int ret = kvm_vm_ioctl(kvm_state, KVM_SET_MEMORY_ATTRIBUTES, &attrs);

    /* That a TDI is bound is no failure of KVM, and a guest may repeat it. */
    if (ret && ret != -EBUSY) {
        error_report("%s: KVM does not turn 0x%" HWADDR_PRIx " + 0x%" PRIx64
                     " %s: %s", name, gpa, size,
                     to_private ? "private" : "shared", strerror(-ret));
    }
    return ret;
}

int kvm_device_fd_apply(void *opaque, uint64_t offset, uint64_t size,
                        bool to_private)
{
    KVMDeviceFdPlace *place = opaque;
    const char *name = memory_region_name(&place->region->mr);
    hwaddr gpa = place->base + offset;
    int ret = kvm_device_fd_set_attributes(name, gpa, size, to_private);

    trace_kvm_private_mmio_convert(name, gpa, offset, size,
                                   to_private ? "private" : "shared", ret);
    kvm_conversions += !ret;
    return ret;
}

/* A guest range, cut into the sections that it covers. */
typedef struct KVMConvert {
    GArray *sections;
    uint64_t covered;
    bool has_device;    /* device-fd regions */
    bool has_memfd;     /* RAM with a private view */
    bool has_ram;       /* RAM or ROM without one */
    bool fixed;         /* a part has no private view */
} KVMConvert;

static void kvm_convert_clear(gpointer data)
{
    MemoryRegionSection *section = data;

    memory_region_unref(section->mr);
}

static void kvm_convert_decode(KVMConvert *convert, hwaddr start, hwaddr size)
{
    hwaddr pos = start;

    convert->sections = g_array_new(false, false, sizeof(MemoryRegionSection));
    g_array_set_clear_func(convert->sections, kvm_convert_clear);

    while (pos - start < size) {
        MemoryRegionSection section =
            memory_region_find(get_system_memory(), pos, size - (pos - start));
        DeviceFdRegion *region;

        if (!section.mr) {
            break;
        }
        region = device_fd_region_from_mr(section.mr);
        if (region) {
            convert->has_device = true;
            convert->fixed |= !region->convertible;
        } else if (memory_region_has_guest_memfd(section.mr)) {
            convert->has_memfd = true;
        } else {
            convert->has_ram |= memory_region_is_ram(section.mr);
            convert->fixed = true;
        }
        convert->covered += int128_get64(section.size);
        pos = section.offset_within_address_space +
              int128_get64(section.size);
        g_array_append_val(convert->sections, section);
    }
    convert->fixed |= convert->covered < size;
}

/* Ask the guards; 0 if nothing is against it. */
static int kvm_convert_check(KVMConvert *convert, bool to_private)
{
    int i, ret = 0;

    for (i = 0; i < convert->sections->len && !ret; i++) {
        MemoryRegionSection *section =
            &g_array_index(convert->sections, MemoryRegionSection, i);
        DeviceFdRegion *region = device_fd_region_from_mr(section->mr);
        uint64_t offset = section->offset_within_region;
        uint64_t size = int128_get64(section->size);

        if (region && region->guard &&
            device_fd_state_any(&region->state, offset, size, !to_private)) {
            ret = region->guard->may_convert(region, offset, size, to_private);
        }
    }
    return ret;
}

/* A range of a region that changes its view, at one place in the guest */
typedef struct KVMConvertRun {
    KVMDeviceFdPlace place;
    uint64_t offset;
    uint64_t size;
} KVMConvertRun;

typedef struct KVMConvertRuns {
    KVMDeviceFdPlace place;
    GArray *runs;
} KVMConvertRuns;

static int kvm_convert_collect(void *opaque, uint64_t offset, uint64_t size)
{
    KVMConvertRuns *runs = opaque;
    KVMConvertRun run = {
        .place = runs->place,
        .offset = offset,
        .size = size,
    };

    g_array_append_val(runs->runs, run);
    return 0;
}

static void kvm_convert_undo(GArray *runs, int nr, bool to_private)
{
    while (nr-- > 0) {
        KVMConvertRun *run = &g_array_index(runs, KVMConvertRun, nr);

        /* Failure leaves the range as the guest asked for, and is traced. */
        device_fd_state_convert(&run->place.region->state, run->offset,
                                run->size, !to_private, kvm_device_fd_apply,
                                &run->place);
    }
}

static int kvm_convert_invoke(KVMConvert *convert, bool to_private)
{
    g_autoptr(GArray) runs = g_array_new(false, false, sizeof(KVMConvertRun));
    int i, ret = 0;

    for (i = 0; i < convert->sections->len && !ret; i++) {
        MemoryRegionSection *section =
            &g_array_index(convert->sections, MemoryRegionSection, i);
        DeviceFdRegion *region = device_fd_region_from_mr(section->mr);
        uint64_t offset = section->offset_within_region;
        uint64_t size = int128_get64(section->size);
        KVMConvertRuns collect = {
            .place = { region, section->offset_within_address_space - offset },
            .runs = runs,
        };
        int nr = runs->len;

        if (!region) {
            continue;
        }
        device_fd_state_foreach(&region->state, offset, size, !to_private,
                                kvm_convert_collect, &collect);
        ret = device_fd_state_convert(&region->state, offset, size, to_private,
                                      kvm_device_fd_apply, &collect.place);
        if (ret) {
            /* This section has rolled back by itself. */
            kvm_convert_undo(runs, nr, to_private);
        }
    }
    return ret;
}

/*
 * Towards private every byte must have a private view.  Towards shared, holes
 * and emulated devices are shared as they are; firmware relies on it.  RAM
 * comes alone: its contents are discarded, so it could not be rolled back.
 */
static bool kvm_convert_valid(const KVMConvert *convert, bool to_private)
{
    if (convert->has_ram || (convert->has_memfd && convert->has_device)) {
        return false;
    }
    return !convert->fixed || !(to_private || convert->has_memfd);
}

/* The BQL is held: what is there stays there. */
static int kvm_convert_sections(KVMConvert *convert, hwaddr start, hwaddr size,
                                bool to_private)
{
    int guest_error = kvm_wait.repeated ? 0 : LOG_GUEST_ERROR;
    int ret;

    if (!kvm_convert_valid(convert, to_private)) {
        qemu_log_mask(guest_error, "0x%" HWADDR_PRIx " + 0x%" HWADDR_PRIx
                      " cannot be turned %s as a whole\n", start, size,
                      to_private ? "private" : "shared");
        return -EINVAL;
    }
    if (convert->has_memfd) {
        return kvm_private_ram_convert(convert->sections, start, size,
                                       to_private);
    }
    ret = kvm_convert_check(convert, to_private);
    if (ret) {
        qemu_log_mask(guest_error, "0x%" HWADDR_PRIx " + 0x%" HWADDR_PRIx
                      " must not turn %s now: %s\n", start, size,
                      to_private ? "private" : "shared", strerror(-ret));
        return ret;
    }
    ret = kvm_convert_invoke(convert, to_private);
    /* KVM lets go of it once the TDI is unbound: not the guest's mistake. */
    return ret == -EBUSY ? -EAGAIN : ret;
}

bool kvm_private_convert(hwaddr start, hwaddr size, bool to_private, int *ret)
{
    KVMConvert convert = {};
    bool ours = true;

    BQL_LOCK_GUARD();
    kvm_convert_decode(&convert, start, size);
    if (to_private || convert.has_device || convert.has_memfd ||
        convert.has_ram) {
        *ret = kvm_convert_sections(&convert, start, size, to_private);
    } else {
        ours = false;
    }
    g_array_free(convert.sections, true);
    return ours;
}

/*
 * KVM_EXIT_MEMORY_FAULT
 *
 * Nothing here ends the VM that the guest, or the host, can have led to by
 * unbinding a device.  The vCPU makes the access again, with a rest in between;
 * then it takes interrupts, and whatever stops it.
 */

/* So many faults of one vCPU at one address, and none elsewhere in between */
#define KVM_FAULTS_TOLD     5
#define KVM_FAULTS_SUSPECT  6000

/* Between two of these; the guest's interrupts wait as long. */
#define KVM_FAULT_REST_MS   10

/* What a range begins with.  With the BQL, it stays. */
static DeviceFdRegion *kvm_fault_region(hwaddr gpa, hwaddr size)
{
    MemoryRegionSection section =
        memory_region_find(get_system_memory(), gpa, size);
    DeviceFdRegion *region = section.mr ? device_fd_region_from_mr(section.mr) :
                                          NULL;

    memory_region_unref(section.mr);
    return region;
}

static int kvm_fault_convert(hwaddr gpa, hwaddr size, uint64_t flags)
{
    DeviceFdRegion *region = kvm_fault_region(gpa, 1);
    int ret;

    /* The attribute alone tells what an access is: it has just changed. */
    if (machine_ram_starts_shared(current_machine) ||
        (flags & KVM_MEMORY_EXIT_FLAG_REVOKED)) {
        return -EAGAIN;
    }
    if (flags & KVM_MEMORY_EXIT_FLAG_NO_PRIVATE) {
        /* What has lost its memslot meanwhile gives another fault. */
        return !region ? -EAGAIN : region->convertible ? -EPERM : -EINVAL;
    }
    /* It may have kept what was private. */
    if (region && region->hidden) {
        return -EPERM;
    }
    ret = kvm_convert_memory(gpa, size, flags & KVM_MEMORY_EXIT_FLAG_PRIVATE);
    return ret == -EINVAL && device_fd_region_last_at(gpa) ? -EPERM : ret;
}

/*
 * An access that is made again and again should not be a riddle.  What wakes a
 * vCPU up while it is halted ends the rest, too.
 */
static void kvm_fault_rest(CPUState *cpu, hwaddr gpa, int ret)
{
    static __thread hwaddr last = HWADDR_MAX;
    static __thread unsigned int equal;

    equal = gpa == last ? equal + 1 : 0;
    last = gpa;
    if (!equal) {
        return;
    }
    /* An attribute that keeps changing is not a device that is gone. */
    if (equal >= KVM_FAULTS_TOLD &&
        (ret == -EPERM || cpu->kvm_run->memory_fault.flags &
                          KVM_MEMORY_EXIT_FLAG_REVOKED)) {
        DeviceFdRegion *region = kvm_fault_region(gpa, 1) ?:
                                 device_fd_region_last_at(gpa);

        if (region && region->guard) {
            region->guard->missed(region, cpu->cpu_index, gpa);
        }
    }
    if (equal == KVM_FAULTS_SUSPECT && ret != -EPERM) {
        warn_report_once("KVM_EXIT_MEMORY_FAULT: 0x%" HWADDR_PRIx " is not "
                         "to be reached, its vCPU tries without end", gpa);
    }
    qemu_cond_timedwait_bql(cpu->halt_cond, KVM_FAULT_REST_MS);
}

bool kvm_private_memory_fault(CPUState *cpu, int *ret)
{
    const uint64_t known = KVM_MEMORY_EXIT_FLAG_PRIVATE |
                           KVM_MEMORY_EXIT_FLAG_REVOKED |
                           KVM_MEMORY_EXIT_FLAG_NO_PRIVATE;
    struct kvm_run *run = cpu->kvm_run;
    hwaddr gpa = run->memory_fault.gpa;

    if (run->memory_fault.flags & ~known) {
        return false;
    }
    BQL_LOCK_GUARD();
    kvm_wait.repeated = kvm_wait.address == gpa &&
                        kvm_wait.conversions == kvm_conversions;
    *ret = kvm_fault_convert(gpa, run->memory_fault.size,
                             run->memory_fault.flags);
    kvm_wait.repeated = false;
    kvm_wait.address = *ret ? gpa : HWADDR_MAX;
    kvm_wait.conversions = kvm_conversions;
    switch (*ret) {
    case 0:
    case -EAGAIN:
    case -EBUSY:
    case -EPERM:
        kvm_fault_rest(cpu, gpa, *ret);
        *ret = 0;
        break;
    default:
        error_report("KVM_EXIT_MEMORY_FAULT: cannot convert 0x%" HWADDR_PRIx,
                     gpa);
        break;
    }
    return true;
}

bool kvm_private_fault_in(hwaddr start, hwaddr size)
{
    /* Such a guest converts all that it has, and may never touch most of it. */
    if (machine_ram_starts_shared(current_machine)) {
        return false;
    }
    BQL_LOCK_GUARD();
    return !kvm_fault_region(start, size);
}

static bool kvm_share_collect(Int128 start, Int128 len, const MemoryRegion *mr,
                              hwaddr offset_in_region, void *opaque)
{
    KVMConvertRuns *collect = opaque;

    if (mr == &collect->place.region->mr) {
        collect->place.base = int128_get64(start) - offset_in_region;
        kvm_convert_collect(collect, offset_in_region, int128_get64(len));
    }
    return false;
}

int kvm_private_mmio_share(DeviceFdRegion *region)
{
    g_autoptr(GArray) runs = g_array_new(false, false, sizeof(KVMConvertRun));
    KVMConvertRuns collect = { .place.region = region, .runs = runs };
    int i, ret = 0;

    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(
                                    &address_space_memory),
                                kvm_share_collect, &collect);
    }
    for (i = 0; i < runs->len; i++) {
        KVMConvertRun *run = &g_array_index(runs, KVMConvertRun, i);
        int err = device_fd_state_convert(&region->state, run->offset,
                                          run->size, false,
                                          kvm_device_fd_apply, &run->place);

        ret = ret ?: err;
    }
    if (ret) {
        return ret;
    }
    /* What left the guest while it could not be shared has no frames there. */
    return device_fd_state_convert(&region->state, 0, region->state.size,
                                   false, NULL, NULL);
}
