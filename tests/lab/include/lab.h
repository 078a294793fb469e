/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small helpers of the lab's programs: leaving with a message, and mapping a
 * PCI BAR through sysfs. All of them end the program when they fail, because a
 * test that cannot look at its device has nothing to say.
 */
#ifndef LAB_H
#define LAB_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tdi_lab.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

__attribute__((noreturn, format(printf, 1, 2)))
static inline void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static inline uint64_t number(const char *text)
{
    char *end;
    uint64_t value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (errno || end == text || *end) {
        die("'%s' is not a number", text);
    }
    return value;
}

/* Ten times in a long run, at its end as well: how far it is, and a result so far. */
static inline void progress(uint64_t done, uint64_t count, uint64_t result)
{
    if (done == count || done % (count / 10 + 1) == 0) {
        printf("%llu %llu\n", (unsigned long long)done,
               (unsigned long long)result);
        fflush(stdout);
    }
}

/* Keeps this thread on one CPU; for programs that are built with _GNU_SOURCE. */
#ifdef _GNU_SOURCE
static inline void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set)) {
        die("no CPU %d: %s", cpu, strerror(errno));
    }
}
#endif

static inline uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/*
 * Physical address and size of a BAR, from the `resource` file of sysfs. The
 * kernel does not know when config space moves a BAR under it; a script that
 * does this says where BAR 0 is by LAB_BAR0 in the environment.
 */
static inline void bar_range(const char *bdf, int bar, uint64_t *gpa,
                             uint64_t *size)
{
    char path[128];
    unsigned long long first = 0, last = 0, flags;
    const char *moved = getenv("LAB_BAR0");
    FILE *file;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
    file = fopen(path, "r");
    if (!file) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    for (int i = 0; i <= bar; i++) {
        if (fscanf(file, "%llx %llx %llx", &first, &last, &flags) != 3) {
            die("%s has no line %d", path, bar);
        }
    }
    fclose(file);
    if (!last) {
        die("%s has no BAR %d", bdf, bar);
    }
    *gpa = moved && bar == 0 ? number(moved) : first;
    *size = last - first + 1;
}

/* Maps a whole memory BAR; there is no way to unmap but to leave. */
static inline volatile void *bar_map(const char *bdf, int bar)
{
    char path[128] = "/dev/mem";
    uint64_t gpa, size, offset = 0;
    void *map;
    int fd;

    bar_range(bdf, bar, &gpa, &size);
    if (getenv("LAB_BAR0")) {
        offset = gpa;
    } else {
        snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", bdf,
                 bar);
    }
    fd = open(path, O_RDWR | O_SYNC);
    if (fd < 0) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    if (map == MAP_FAILED) {
        die("cannot map %s: %s", path, strerror(errno));
    }
    close(fd);
    return map;
}

/* In a guest that keeps its RAM private, init/l2 has loaded the module. */
static inline void share_page(void *page, uint64_t gpa)
{
    int fd = open(TDI_LAB_DEVICE, O_RDWR);

    if (fd < 0) {
        return;
    }
    if (ioctl(fd, TDI_LAB_SHARE, &gpa)) {
        die("cannot share page 0x%llx: %s", (unsigned long long)gpa,
            strerror(errno));
    }
    close(fd);
    memset(page, 0, 4096);
}

/* A page that stays where it is (see init/l2), and its physical address. */
static inline void *locked_page(uint64_t *gpa)
{
    uint64_t entry;
    void *page;
    int fd;

    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
    fd = open("/proc/self/pagemap", O_RDONLY);
    if (page == MAP_FAILED || fd < 0 ||
        pread(fd, &entry, 8, (uintptr_t)page / 4096 * 8) != 8 ||
        !(entry & ((1ULL << 55) - 1))) {
        die("cannot get a page with a known address: %s", strerror(errno));
    }
    close(fd);
    *gpa = (entry & ((1ULL << 55) - 1)) * 4096;
    return page;
}

/* The same, of zeroes and in reach of devices. */
static inline void *pinned_page(uint64_t *gpa)
{
    void *page = locked_page(gpa);

    share_page(page, *gpa);
    return page;
}

#endif
