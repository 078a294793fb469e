/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk-rate - reads or writes a disk from its start, past the page cache.
 *
 *   disk-rate FILE read|write SIZE MIB    MIB in requests of SIZE bytes, one at a
 *                                         time, and over again as far as it takes
 *
 * Prints bytes per second and the milliseconds that this machine's CPUs were busy
 * meanwhile, interrupts included.
 */
#define _GNU_SOURCE
#include <stdbool.h>

#include "lab.h"

/* User, nice and system time, interrupts and softirqs of all CPUs, in ms */
static uint64_t busy_ms(void)
{
    unsigned long long user, nice, system, idle, wait, irq, softirq;
    FILE *file = fopen("/proc/stat", "r");

    if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user,
                        &nice, &system, &idle, &wait, &irq, &softirq) != 7) {
        die("cannot read /proc/stat");
    }
    fclose(file);
    return (user + nice + system + irq + softirq) * 1000 /
           sysconf(_SC_CLK_TCK);
}

int main(int argc, char **argv)
{
    uint64_t size, bytes, end, busy, begin, done = 0;
    bool write_it;
    off_t at = 0;
    void *buffer;
    int fd;

    if (argc != 5 || (strcmp(argv[2], "read") && strcmp(argv[2], "write"))) {
        die("usage: disk-rate FILE read|write SIZE MIB");
    }
    write_it = argv[2][0] == 'w';
    size = number(argv[3]);
    bytes = number(argv[4]) << 20;
    fd = open(argv[1], O_RDWR | O_DIRECT);
    if (fd < 0) {
        die("cannot open %s: %s", argv[1], strerror(errno));
    }
    end = lseek(fd, 0, SEEK_END);
    if (!size || size > end || posix_memalign(&buffer, 4096, size)) {
        die("requests of %llu bytes are not possible",
            (unsigned long long)size);
    }
    memset(buffer, 0xa5, size);
    busy = busy_ms();
    begin = now_ns();
    for (; done < bytes; done += size) {
        if (at + size > end) {
            at = 0;
        }
        if ((write_it ? pwrite(fd, buffer, size, at)
                      : pread(fd, buffer, size, at)) != (ssize_t)size) {
            die("%s at %lld: %s", argv[2], (long long)at, strerror(errno));
        }
        at += size;
    }
    printf("%llu %llu\n",
           (unsigned long long)(1e9 * done / (now_ns() - begin)),
           (unsigned long long)(busy_ms() - busy));
    return 0;
}
