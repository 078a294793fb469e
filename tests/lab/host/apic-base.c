/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apic-base COUNT - CPU 1 writes the base of its local APIC, always the same one,
 * while CPU 0 interrupts it COUNT times.
 *
 * If an interrupt is lost, CPU 0 waits for its answer for ever.
 */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "lab.h"

#define MSR_APICBASE 0x1b
#define APICBASE_X2APIC 0x400

static volatile uint64_t written;

static void *write_for_ever(void *unused)
{
    uint64_t base;
    int fd;

    (void)unused;
    pin(1);
    fd = open("/dev/cpu/1/msr", O_RDWR);
    if (fd < 0 || pread(fd, &base, 8, MSR_APICBASE) != 8) {
        die("cannot read the APIC's base: %s", strerror(errno));
    }
    if (!(base & APICBASE_X2APIC)) {
        die("the APIC is not in x2APIC mode: its base is 0x%llx",
            (unsigned long long)base);
    }
    for (;;) {
        if (pwrite(fd, &base, 8, MSR_APICBASE) != 8) {
            die("cannot write the APIC's base: %s", strerror(errno));
        }
        written++;
    }
}

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    uint64_t count;

    if (argc != 2) {
        die("usage: apic-base COUNT");
    }
    count = number(argv[1]);
    pin(0);
    if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) ||
        pthread_create(&thread, NULL, write_for_ever, NULL)) {
        die("no thread to interrupt");
    }
    while (!written) {
        usleep(1000);
    }
    for (uint64_t i = 0; i < count; i++) {
        if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
            die("membarrier: %s", strerror(errno));
        }
    }
    printf("%llu\n", (unsigned long long)written);
    return 0;
}
