/*
 * A simulated host for QEMU: the vCPUs
 *
 * They run no code, but one makes the access that the test wants.  KVM_RUN
 * blocks until QEMU kicks it, or the test has an exit for QEMU.  As in KVM,
 * what QEMU has made of an exit is taken at the next KVM_RUN, even if that one
 * is to return at once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <poll.h>
#include <sys/syscall.h>
#include "host.h"

/* struct kvm_run.tdx: nr and flags, then the arm, which begins with ret */
#define SIM_TDX_ARM offsetof(struct kvm_run, tdx.unknown)

#define SIM_VCPUS 4

/* Of those that wait, and last of the one that acts */
static struct {
    int fd;
    struct kvm_run *run;
} vcpus[SIM_VCPUS];
static unsigned int nr_vcpus;
__thread bool sim_vcpu_thread;
static struct kvm_run *run;

int sim_vcpu_create(int fd, void *arg)
{
    uint64_t size = 3 * 4096;
    int vcpu = sim_new_fd(SIM_VCPU, "kvm-vcpu",
                          KVM_DIRTY_LOG_PAGE_OFFSET * 4096 + SIM_RING_BYTES);

    if (vcpu < 0) {
        return vcpu;
    }
    if (run || nr_vcpus == SIM_VCPUS) {
        syscall(SYS_close, vcpu);
        return -ENOSPC;
    }
    vcpus[nr_vcpus].fd = vcpu;
    vcpus[nr_vcpus].run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
                               vcpu, 0);
    assert(vcpus[nr_vcpus].run != MAP_FAILED);
    if (nr_vcpus == sim->idle_vcpus) {
        run = vcpus[nr_vcpus].run;
    }
    nr_vcpus++;
    return vcpu;
}

static struct kvm_run *sim_vcpu_find(int fd)
{
    unsigned int i;

    for (i = 0; vcpus[i].fd != fd; i++) {
        assert(i < nr_vcpus);
    }
    return vcpus[i].run;
}

static uint64_t *sim_vcpu_tdx_arm(void)
{
    return (uint64_t *)((char *)run + SIM_TDX_ARM);
}

/* Returns what KVM_RUN returns. */
static int sim_vcpu_exit(const SimExit *sim_exit)
{
    run->exit_reason = sim_exit->reason;
    switch (sim_exit->reason) {
    case KVM_EXIT_HYPERCALL:
        run->hypercall.nr = sim_exit->nr;
        memset(run->hypercall.args, 0, sizeof(run->hypercall.args));
        memcpy(run->hypercall.args, sim_exit->args, sizeof(sim_exit->args));
        run->hypercall.ret = sim_exit->ret;
        /* KVM_EXIT_HYPERCALL_LONG_MODE */
        run->hypercall.flags = 1;
        return 0;
    case KVM_EXIT_TDX:
        run->tdx.flags = 0;
        run->tdx.nr = sim_exit->nr;
        sim_vcpu_tdx_arm()[0] = sim_exit->ret;
        memcpy(sim_vcpu_tdx_arm() + 1, sim_exit->args,
               sizeof(sim_exit->args));
        return 0;
    case KVM_EXIT_MEMORY_FAULT:
        run->memory_fault.gpa = sim_exit->args[0];
        run->memory_fault.size = sim_exit->args[1];
        run->memory_fault.flags = sim_exit->args[2];
        return -EFAULT;
    default:
        return 0;
    }
}

static uint64_t sim_vcpu_result(const SimExit *sim_exit)
{
    switch (sim_exit->reason) {
    case KVM_EXIT_HYPERCALL:
        return run->hypercall.ret;
    case KVM_EXIT_TDX:
        return sim_vcpu_tdx_arm()[0];
    default:
        return 0;
    }
}

static bool sim_vcpu_has_access(void)
{
    return __atomic_load_n(&sim->access_asked, __ATOMIC_ACQUIRE) !=
           sim->access_done;
}

/* Returns whether it faults. */
static bool sim_vcpu_access(void)
{
    uint64_t flags;
    bool done;

    sim_lock();
    done = sim_kvm_access(sim->access_gpa, sim->access_private, &flags);
    sim_unlock();
    if (done) {
        __atomic_store_n(&sim->access_done, sim->access_asked,
                         __ATOMIC_RELEASE);
        return false;
    }
    __atomic_add_fetch(&sim->access_faults, 1, __ATOMIC_RELEASE);
    run->exit_reason = KVM_EXIT_MEMORY_FAULT;
    run->memory_fault.gpa = sim->access_gpa & ~4095ULL;
    run->memory_fault.size = 4096;
    run->memory_fault.flags = flags;
    return true;
}

/*
 * Returns 1 if the test has an exit, 0 if it has an access instead, or -EINTR
 * if QEMU has kicked.
 */
static int sim_vcpu_wait(struct kvm_run *vcpu)
{
    const struct timespec now = {};
    struct pollfd kick = {
        .fd = vcpu == run ? SIM_KICK_FD : -1, .events = POLLIN,
    };
    sigset_t all, old;
    uint64_t count;
    int ret;

    /* Between looking and waiting no signal may get lost. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ret = __atomic_load_n(&vcpu->immediate_exit, __ATOMIC_ACQUIRE) ? -1 :
          ppoll(&kick, 1, vcpu == run && sim_vcpu_has_access() ? &now : NULL,
                &old);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ret != 1) {
        return ret == 0 ? 0 : -EINTR;
    }
    /* A kick without an exit: there is an access. */
    if (read(SIM_KICK_FD, &count, sizeof(count)) != sizeof(count)) {
        return -EINTR;
    }
    return sim->exits_asked != sim->exits_done;
}

static int sim_vcpu_run(int fd, void *arg)
{
    static bool pending;
    struct kvm_run *vcpu = sim_vcpu_find(fd);
    int ret;

    sim_vcpu_thread = true;
    if (vcpu == run && pending) {
        sim->exit.ret = sim_vcpu_result(&sim->exit);
        pending = false;
        __atomic_add_fetch(&sim->exits_done, 1, __ATOMIC_RELEASE);
    }
    while (!(ret = sim_vcpu_wait(vcpu))) {
        if (sim_vcpu_has_access() && sim_vcpu_access()) {
            return -EFAULT;
        }
    }
    if (ret < 0) {
        vcpu->exit_reason = KVM_EXIT_INTR;
        return ret;
    }
    pending = true;
    return sim_vcpu_exit(&sim->exit);
}

static int sim_vcpu_msrs(int fd, void *arg)
{
    return ((struct kvm_msrs *)arg)->nmsrs;
}

static int sim_vcpu_pre_fault(int fd, void *arg)
{
    struct kvm_pre_fault_memory *range = arg;

    range->gpa += range->size;
    range->size = 0;
    return 0;
}

static const SimCall vcpu_calls[] = {
    { KVM_RUN, "RUN", sim_vcpu_run, .unlocked = true },
    { KVM_GET_MSRS, NULL, sim_vcpu_msrs },
    { KVM_SET_MSRS, NULL, sim_vcpu_msrs },
    { KVM_PRE_FAULT_MEMORY, "PRE_FAULT", sim_vcpu_pre_fault,
      { SIM_ARG(kvm_pre_fault_memory, gpa),
        SIM_ARG(kvm_pre_fault_memory, size) } },
    { KVM_MEMORY_ENCRYPT_OP, NULL, sim_tdx_op,
      { SIM_ARG(kvm_tdx_cmd, flags) }, sim_tdx_name },
    { }
};

/* Registers are taken and forgotten. */
const SimCalls sim_vcpu_calls = { vcpu_calls, 0 };
