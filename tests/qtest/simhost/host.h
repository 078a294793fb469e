/*
 * A simulated host for QEMU: inside of the shared object
 *
 * Each fake file is a memfd of its own, so that whatever else QEMU does with
 * the descriptor works.  Handlers return a result or -errno, and are called
 * with the one lock held, but for KVM_RUN.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SIMHOST_HOST_H
#define SIMHOST_HOST_H

#include "simhost.h"

/* The largest dirty ring of the vCPU; nothing is ever in it. */
#define SIM_RING_BYTES 0x4000

typedef enum SimKind {
    SIM_OTHER,          /* not ours: the real host answers */
    SIM_KVM,
    SIM_VM,
    SIM_VCPU,
    SIM_KVM_DEVICE,
    SIM_GUEST_MEMFD,
    SIM_IOMMUFD,
    SIM_VFIO,
    SIM_DMABUF,
    SIM_GROUP,
    SIM_CONTAINER,
    SIM_SEV,            /* the platform; whatever is asked of it succeeds */
} SimKind;

/* Where the log finds an argument; @size 0: there is none. */
typedef struct SimArg {
    uint16_t offset;
    uint16_t size;
} SimArg;

#define SIM_ARG(type, field) \
    { offsetof(struct type, field), sizeof_field(struct type, field) }
/* The argument is a number. */
#define SIM_ARG_VALUE { 0, UINT16_MAX }

/**
 * struct SimCall - an ioctl that is known
 * @request: its number
 * @name: for log and faults; NULL: not logged
 * @fn: what it does; NULL: nothing, and it succeeds
 * @args: what is logged of its argument
 * @name_of: its name depends on its argument
 * @unlocked: the handler takes the lock by itself
 * @argsz: its argument begins with its size, and there may be less of it
 */
typedef struct SimCall {
    unsigned long request;
    const char *name;
    int (*fn)(int fd, void *arg);
    SimArg args[SIM_ARGS];
    const char *(*name_of)(void *arg);
    bool unlocked;
    bool argsz;
} SimCall;

/* Tables end with request 0.  What is not in one gets the answer @unknown. */
typedef struct SimCalls {
    const SimCall *calls;
    int unknown;
} SimCalls;

extern const SimCalls sim_kvm_calls;
extern const SimCalls sim_vm_calls;
extern const SimCalls sim_vcpu_calls;
extern const SimCalls sim_kvm_device_calls;
extern const SimCalls sim_iommufd_calls;
extern const SimCalls sim_vfio_calls;
extern const SimCalls sim_group_calls;
extern const SimCalls sim_container_calls;
extern const SimCalls sim_sev_calls;

/* core.c */
extern SimShared *sim;

void sim_lock(void);
void sim_unlock(void);
SimKind sim_kind(int fd);
uint64_t sim_fd_size(int fd);
/* Returns a new fd, or -errno. */
int sim_new_fd(SimKind kind, const char *name, uint64_t size);
int sim_ioctl(int fd, SimKind kind, unsigned long request, void *arg);
void sim_close(int fd, SimKind kind);
SimEvent *sim_log(const char *name);
void sim_log_done(SimEvent *event, int ret);
/* sim_event: log what is no ioctl; returns 0, or -errno if it is to fail */
int sim_event(const char *name, uint64_t arg0, uint64_t arg1, uint64_t arg2);

/* kvm.c */
int sim_kvm_check_extension(int fd, void *arg);

/* sim_vm_type: as it was created */
uintptr_t sim_vm_type(void);

/* kvm-memory.c */
int sim_vm_set_attributes(int fd, void *arg);
int sim_vm_set_region(int fd, void *arg);
/* sim_kvm_access: of the vCPU; false: it exits, with @flags */
bool sim_kvm_access(uint64_t gpa, bool is_private, uint64_t *flags);

/* kvm-vcpu.c */
/* sim_vcpu_thread: has this thread run a vCPU? */
extern __thread bool sim_vcpu_thread;
int sim_vcpu_create(int fd, void *arg);

/* kvm-cpuid.c */
int sim_kvm_supported_cpuid(int fd, void *arg);

/* kvm-tdx.c */
const char *sim_tdx_name(void *arg);
int sim_tdx_op(int fd, void *arg);

/* tsm.c */
int sim_tsm_op(int fd, void *arg);
int sim_tsm_req(int fd, void *arg);
const char *sim_tsm_op_name(void *arg);
const char *sim_tsm_req_name(void *arg);
/* The device is gone, or its vDEVICE is. */
void sim_tsm_forget(void);
bool sim_tsm_bound(void);

/* vfio.c, vfio-config.c */
ssize_t sim_vfio_read(void *buf, size_t size, off_t offset);
ssize_t sim_vfio_write(const void *buf, size_t size, off_t offset);
void sim_config_init(void);
int sim_config_reset(void);
bool sim_config_decodes(void);
bool sim_config_masters(void);
ssize_t sim_config_access(void *buf, size_t size, off_t offset, bool write);

/* iommufd.c */
/* sim_iommufd_device: the device was bound; returns its ID. */
uint32_t sim_iommufd_device(void);
void sim_iommufd_device_gone(void);
int sim_iommufd_attach(uint32_t pt_id);
void sim_iommufd_detach(void);
bool sim_iommufd_is_vdevice(uint32_t id);
/* sim_iommufd_is_veventq: is @fd the queue of events, as QEMU has it open? */
bool sim_iommufd_is_veventq(int fd);

#endif /* SIMHOST_HOST_H */
