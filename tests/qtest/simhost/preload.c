/*
 * A simulated host for QEMU: functions of the C library that it replaces
 *
 * What is not about a fake file goes straight to the kernel.  The names in C
 * are not those of the symbols, as headers may redirect the latter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <dlfcn.h>
#include <sys/syscall.h>
#include "host.h"

#define SIM_SYMBOL(name) __asm__(name) __attribute__((visibility("default")))

int sim_do_open(const char *path, int flags, ...) SIM_SYMBOL("open");
int sim_do_open64(const char *path, int flags, ...) SIM_SYMBOL("open64");
int sim_do_open_2(const char *path, int flags) SIM_SYMBOL("__open_2");
int sim_do_open64_2(const char *path, int flags) SIM_SYMBOL("__open64_2");
int sim_do_close(int fd) SIM_SYMBOL("close");
int sim_do_ioctl(int fd, unsigned long request, ...) SIM_SYMBOL("ioctl");
void *sim_do_mmap(void *addr, size_t size, int prot, int flags, int fd,
                  off_t offset) SIM_SYMBOL("mmap");
void *sim_do_mmap64(void *addr, size_t size, int prot, int flags, int fd,
                    off_t offset) SIM_SYMBOL("mmap64");
ssize_t sim_do_pread(int fd, void *buf, size_t size, off_t offset)
    SIM_SYMBOL("pread");
ssize_t sim_do_pread64(int fd, void *buf, size_t size, off_t offset)
    SIM_SYMBOL("pread64");
ssize_t sim_do_pwrite(int fd, const void *buf, size_t size, off_t offset)
    SIM_SYMBOL("pwrite");
ssize_t sim_do_pwrite64(int fd, const void *buf, size_t size, off_t offset)
    SIM_SYMBOL("pwrite64");

ssize_t sim_do_read(int fd, void *buf, size_t size) SIM_SYMBOL("read");
ssize_t sim_do_read_chk(int fd, void *buf, size_t size, size_t room)
    SIM_SYMBOL("__read_chk");
int sim_do_fallocate(int fd, int mode, off_t offset, off_t size)
    SIM_SYMBOL("fallocate");
int sim_do_fallocate64(int fd, int mode, off_t offset, off_t size)
    SIM_SYMBOL("fallocate64");
int sim_do_madvise(void *addr, size_t size, int advice) SIM_SYMBOL("madvise");
int sim_do_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                     const struct timespec *end)
    SIM_SYMBOL("pthread_cond_timedwait");
const char *sim_asan_options(void) SIM_SYMBOL("__asan_default_options");

/* ASan would rather be preloaded first, but does not need to be. */
const char *sim_asan_options(void)
{
    return "verify_asan_link_order=0";
}

/* A result or -errno becomes what the C library returns. */
static long sim_result(long ret)
{
    if (ret < 0) {
        errno = -ret;
        return -1;
    }
    return ret;
}

static int sim_open(const char *path, int flags, mode_t mode)
{
    static const struct {
        const char *path;
        SimKind kind;
    } fakes[] = {
        { "/dev/kvm", SIM_KVM },
        { "/dev/iommu", SIM_IOMMUFD },
        { "/dev/vfio/vfio", SIM_CONTAINER },
        { "/dev/vfio/" stringify(SIM_GROUP_NR), SIM_GROUP },
        { "/dev/sev", SIM_SEV },
    };
    int i;

    for (i = 0; sim && i < ARRAY_SIZE(fakes); i++) {
        if (!strcmp(path, fakes[i].path)) {
            return sim_result(sim_new_fd(fakes[i].kind, path, 0));
        }
    }
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define SIM_OPEN(flags, mode)                                   \
    do {                                                        \
        if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
            va_list args;                                       \
                                                                \
            va_start(args, flags);                              \
            mode = va_arg(args, unsigned int);                  \
            va_end(args);                                       \
        }                                                       \
    } while (0)

int sim_do_open(const char *path, int flags, ...)
{
    mode_t mode = 0;

    SIM_OPEN(flags, mode);
    return sim_open(path, flags, mode);
}

int sim_do_open64(const char *path, int flags, ...)
{
    mode_t mode = 0;

    SIM_OPEN(flags, mode);
    return sim_open(path, flags, mode);
}

int sim_do_open_2(const char *path, int flags)
{
    return sim_open(path, flags, 0);
}

int sim_do_open64_2(const char *path, int flags)
{
    return sim_open(path, flags, 0);
}

int sim_do_close(int fd)
{
    SimKind kind = sim_kind(fd);

    if (kind != SIM_OTHER) {
        sim_close(fd, kind);
    }
    return syscall(SYS_close, fd);
}

int sim_do_ioctl(int fd, unsigned long request, ...)
{
    SimKind kind = sim_kind(fd);
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);
    if (kind == SIM_OTHER) {
        return syscall(SYS_ioctl, fd, request, arg);
    }
    /* QEMU passes an int at places: the number is in the low half. */
    return sim_result(sim_ioctl(fd, kind, (uint32_t)request, arg));
}

/* A device that is bound privately has nothing to be mapped, nor its memory. */
static void *sim_mmap(void *addr, size_t size, int prot, int flags, int fd,
                      off_t offset)
{
    SimKind kind = flags & MAP_ANONYMOUS ? SIM_OTHER : sim_kind(fd);

    if (kind == SIM_VFIO || kind == SIM_DMABUF || kind == SIM_GUEST_MEMFD) {
        SimEvent *event;

        sim_lock();
        event = sim_log("mmap");
        event->args[0] = kind;
        event->args[1] = offset;
        event->args[2] = size;
        sim_log_done(event, -ENODEV);
        sim_unlock();
        errno = ENODEV;
        return MAP_FAILED;
    }
    return (void *)syscall(SYS_mmap, addr, size, prot, flags, fd, offset);
}

void *sim_do_mmap(void *addr, size_t size, int prot, int flags, int fd,
                  off_t offset)
{
    return sim_mmap(addr, size, prot, flags, fd, offset);
}

void *sim_do_mmap64(void *addr, size_t size, int prot, int flags, int fd,
                    off_t offset)
{
    return sim_mmap(addr, size, prot, flags, fd, offset);
}

static ssize_t sim_pread(int fd, void *buf, size_t size, off_t offset)
{
    return sim_kind(fd) == SIM_VFIO ?
           sim_result(sim_vfio_read(buf, size, offset)) :
           syscall(SYS_pread64, fd, buf, size, offset);
}

static ssize_t sim_pwrite(int fd, const void *buf, size_t size, off_t offset)
{
    return sim_kind(fd) == SIM_VFIO ?
           sim_result(sim_vfio_write(buf, size, offset)) :
           syscall(SYS_pwrite64, fd, buf, size, offset);
}

ssize_t sim_do_pread(int fd, void *buf, size_t size, off_t offset)
{
    return sim_pread(fd, buf, size, offset);
}

ssize_t sim_do_pread64(int fd, void *buf, size_t size, off_t offset)
{
    return sim_pread(fd, buf, size, offset);
}

ssize_t sim_do_pwrite(int fd, const void *buf, size_t size, off_t offset)
{
    return sim_pwrite(fd, buf, size, offset);
}

ssize_t sim_do_pwrite64(int fd, const void *buf, size_t size, off_t offset)
{
    return sim_pwrite(fd, buf, size, offset);
}

/* Nobody but who reads events of a TDI is of interest. */
ssize_t sim_do_read(int fd, void *buf, size_t size)
{
    if (sim && fd >= 0 && sim_iommufd_is_veventq(fd)) {
        int ret = sim_event("VEVENTQ_READ", size, 0, 0);

        if (ret) {
            return sim_result(ret);
        }
    }
    return syscall(SYS_read, fd, buf, size);
}

ssize_t sim_do_read_chk(int fd, void *buf, size_t size, size_t room)
{
    assert(size <= room);
    return sim_do_read(fd, buf, size);
}

/*
 * What is thrown away of guest memory: "PUNCH" of the private view; or
 * "POPULATE", with whether QEMU's main loop does it, and others wait...
 */
static int sim_fallocate(int fd, int mode, off_t offset, off_t size)
{
    if (sim_kind(fd) == SIM_GUEST_MEMFD) {
        bool main_loop = syscall(SYS_gettid) == getpid();
        int ret = sim_event(mode & FALLOC_FL_PUNCH_HOLE ? "PUNCH" : "POPULATE",
                            offset, size, main_loop);

        if (ret) {
            return sim_result(ret);
        }
    }
    return syscall(SYS_fallocate, fd, mode, offset, size);
}

int sim_do_fallocate(int fd, int mode, off_t offset, off_t size)
{
    return sim_fallocate(fd, mode, offset, size);
}

int sim_do_fallocate64(int fd, int mode, off_t offset, off_t size)
{
    return sim_fallocate(fd, mode, offset, size);
}

/* ...and "DISCARD" of the shared one */
int sim_do_madvise(void *addr, size_t size, int advice)
{
    if (sim && (advice == MADV_DONTNEED || advice == MADV_REMOVE)) {
        int ret = sim_event("DISCARD", (uintptr_t)addr, size, 0);

        if (ret) {
            return sim_result(ret);
        }
    }
    return syscall(SYS_madvise, addr, size, advice);
}

/* "WAIT": so many ms of its own accord, for whom a user or the guest waits */
int sim_do_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                     const struct timespec *end)
{
#ifdef CONFIG_PTHREAD_CONDATTR_SETCLOCK
    const clockid_t clock = CLOCK_MONOTONIC;
#else
    const clockid_t clock = CLOCK_REALTIME;
#endif
    /* The name alone may mean an older one with another pthread_cond_t. */
    typeof(sim_do_timedwait) *real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait",
                                            "GLIBC_2.3.2");
    struct timespec now;

    if (sim && (sim_vcpu_thread || syscall(SYS_gettid) == getpid())) {
        int64_t ns;

        clock_gettime(clock, &now);
        ns = (end->tv_sec - now.tv_sec) * 1000000000 +
             end->tv_nsec - now.tv_nsec;
        sim_event("WAIT", DIV_ROUND_UP(MAX(ns, 0), 1000000), 0, 0);
    }
    return real(cond, mutex, end);
}
