/*
 * A simulated host for QEMU: files, log and faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <linux/iommufd-tsm.h>
#include "host.h"

#define SIM_FDS 1024

SimShared *sim;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
    SimKind kind;
    uint64_t size;
} files[SIM_FDS];

static const SimCalls *const calls_of[] = {
    [SIM_KVM] = &sim_kvm_calls,
    [SIM_VM] = &sim_vm_calls,
    [SIM_VCPU] = &sim_vcpu_calls,
    [SIM_KVM_DEVICE] = &sim_kvm_device_calls,
    [SIM_IOMMUFD] = &sim_iommufd_calls,
    [SIM_VFIO] = &sim_vfio_calls,
    [SIM_GROUP] = &sim_group_calls,
    [SIM_CONTAINER] = &sim_container_calls,
    [SIM_SEV] = &sim_sev_calls,
};

static const char *const close_names[] = {
    [SIM_KVM] = "close kvm",
    [SIM_VM] = "close vm",
    [SIM_IOMMUFD] = "close iommufd",
    [SIM_VFIO] = "close vfio",
    [SIM_DMABUF] = "close dmabuf",
};

void sim_lock(void)
{
    pthread_mutex_lock(&lock);
}

void sim_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

SimKind sim_kind(int fd)
{
    return sim && fd >= 0 && fd < SIM_FDS ?
           __atomic_load_n(&files[fd].kind, __ATOMIC_ACQUIRE) : SIM_OTHER;
}

uint64_t sim_fd_size(int fd)
{
    return files[fd].size;
}

static void sim_set_fd(int fd, SimKind kind, uint64_t size)
{
    files[fd].size = size;
    __atomic_store_n(&files[fd].kind, kind, __ATOMIC_RELEASE);
}

int sim_new_fd(SimKind kind, const char *name, uint64_t size)
{
    int fd = syscall(SYS_memfd_create, name, 1 /* MFD_CLOEXEC */);

    if (fd < 0) {
        return -errno;
    }
    if (fd >= SIM_FDS || syscall(SYS_ftruncate, fd, size)) {
        syscall(SYS_close, fd);
        return -EMFILE;
    }
    if (kind == SIM_DMABUF || kind == SIM_IOMMUFD) {
        (*(kind == SIM_DMABUF ? &sim->nr_dmabufs : &sim->nr_iommufds))++;
    }
    sim_set_fd(fd, kind, size);
    return fd;
}

/*
 * Log
 */

SimEvent *sim_log(const char *name)
{
    uint32_t nr = __atomic_load_n(&sim->nr_events, __ATOMIC_RELAXED);
    SimEvent *event = &sim->events[nr];

    if (nr == SIM_EVENTS - 1) {
        /* The last one says that the log is full. */
        name = "the log is full";
    } else {
        __atomic_store_n(&sim->nr_events, nr + 1, __ATOMIC_RELEASE);
    }
    memset(event, 0, sizeof(*event));
    strncpy(event->name, name, SIM_NAME - 1);
    return event;
}

void sim_log_done(SimEvent *event, int ret)
{
    event->ret = ret;
    __atomic_store_n(&event->done, 1, __ATOMIC_RELEASE);
}

static void sim_log_args(SimEvent *event, const SimCall *call, void *arg)
{
    int i;

    for (i = 0; i < SIM_ARGS; i++) {
        const SimArg *field = &call->args[i];

        if (field->size == UINT16_MAX) {
            event->args[i] = (uintptr_t)arg;
        } else if (call->argsz &&
                   field->offset + field->size > *(uint32_t *)arg) {
            continue;
        } else if (field->size) {
            /* Little endian, like all x86. */
            memcpy(&event->args[i], (char *)arg + field->offset, field->size);
        }
    }
}

/*
 * Calls
 */

static SimFault *sim_fault(const char *name)
{
    int i;

    for (i = 0; i < SIM_FAULTS; i++) {
        SimFault *fault = &sim->faults[i];

        if (!fault->at || strncmp(fault->name, name, SIM_NAME)) {
            continue;
        }
        if (fault->at > 1) {
            fault->at--;
            continue;
        }
        if (!fault->stays) {
            fault->at = 0;
        }
        return fault;
    }
    return NULL;
}

/* Other calls go on meanwhile. */
static void sim_stall(void)
{
    sim_unlock();
    while (!__atomic_load_n(&sim->released, __ATOMIC_ACQUIRE)) {
        usleep(100);
    }
    sim_lock();
}

static int sim_call(int fd, const SimCall *call, const char *name, void *arg)
{
    SimFault *fault = name ? sim_fault(name) : NULL;
    SimEvent *event = name ? sim_log(name) : NULL;
    int ret = 0;

    if (event) {
        sim_log_args(event, call, arg);
    }
    if (fault && fault->stall) {
        sim_stall();
        fault = fault->err ? fault : NULL;
    }
    if (call->fn && (!fault || fault->after)) {
        if (call->unlocked) {
            sim_unlock();
        }
        ret = call->fn(fd, arg);
        if (call->unlocked) {
            sim_lock();
        }
    }
    if (fault) {
        ret = -fault->err;
        if (call->request == IOMMU_VDEVICE_TSM_REQ) {
            ((struct iommu_vdevice_tsm_req *)arg)->tsm_code = fault->code;
        }
    }
    if (event) {
        sim_log_args(event, call, arg);
        sim_log_done(event, ret);
    }
    return ret;
}

int sim_event(const char *name, uint64_t arg0, uint64_t arg1, uint64_t arg2)
{
    SimFault *fault;
    SimEvent *event;
    int ret;

    sim_lock();
    fault = sim_fault(name);
    event = sim_log(name);
    event->args[0] = arg0;
    event->args[1] = arg1;
    event->args[2] = arg2;
    ret = fault ? -fault->err : 0;
    sim_log_done(event, ret);
    sim_unlock();
    return ret;
}

int sim_ioctl(int fd, SimKind kind, unsigned long request, void *arg)
{
    const SimCalls *calls = kind < ARRAY_SIZE(calls_of) ? calls_of[kind] : NULL;
    const SimCall *call;
    int ret;

    if (!calls) {
        return -ENOTTY;
    }
    for (call = calls->calls; call->request; call++) {
        if (call->request == request) {
            sim_lock();
            ret = sim_call(fd, call, call->name_of ? call->name_of(arg) :
                                                     call->name, arg);
            sim_unlock();
            return ret;
        }
    }
    return calls->unknown;
}

void sim_close(int fd, SimKind kind)
{
    const char *name = kind < ARRAY_SIZE(close_names) ? close_names[kind]
                                                      : NULL;

    sim_lock();
    if (name) {
        sim_log_done(sim_log(name), 0);
    }
    switch (kind) {
    case SIM_VFIO:
        sim_tsm_forget();
        sim_iommufd_device_gone();
        break;
    case SIM_DMABUF:
        sim->nr_dmabufs--;
        break;
    case SIM_IOMMUFD:
        sim->nr_iommufds--;
        break;
    default:
        break;
    }
    sim_set_fd(fd, SIM_OTHER, 0);
    sim_unlock();
}

static __attribute__((constructor)) void sim_init(void)
{
    void *mem;
    int i;

    if (!getenv(SIM_ENV)) {
        return;
    }
    mem = mmap(NULL, sizeof(SimShared), PROT_READ | PROT_WRITE, MAP_SHARED,
               SIM_SHARED_FD, 0);
    if (mem == MAP_FAILED) {
        /* Not inherited: a program that QEMU has started. */
        return;
    }
    sim = mem;
    sim_config_init();
    for (i = SIM_DEVICE_FD; i < SIM_SPARE_FD + SIM_SPARES; i++) {
        sim_set_fd(i, SIM_VFIO, 0);
    }
}
