/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decode-switch BDF COUNT - switches a device's memory decode under a reader.
 *
 * CPU 1 reads the version register of its local APIC over and over while CPU 0
 * switches memory decode of the device on and off COUNT times. The register
 * never changes, so one other value means that an access went astray. Between
 * two reads CPU 1 works a little: a CPU that waits inside a read when the memory
 * map changes has already chosen where the read goes.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lab.h"

#define COMMAND_REGISTER 4
#define COMMAND_MEMORY 2
#define APIC_BASE 0xfee00000
#define APIC_VERSION 0x30

struct reader {
    volatile uint64_t reads;
    volatile uint64_t astray;
    volatile uint32_t version;
    volatile uint32_t value;
};

static void read_for_ever(struct reader *reader)
{
    int fd = open("/dev/mem", O_RDONLY | O_SYNC);
    volatile uint32_t *apic = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd,
                                   APIC_BASE);

    if (apic == MAP_FAILED) {
        die("cannot map the local APIC: %s", strerror(errno));
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(1);
    reader->version = apic[APIC_VERSION / 4];
    for (;;) {
        uint32_t value;

        for (volatile uint64_t work = reader->reads % 512; work; work--) {
        }
        value = apic[APIC_VERSION / 4];
        if (value != reader->version) {
            reader->value = value;
            reader->astray++;
        }
        reader->reads++;
    }
}

static void switch_decode(const char *bdf, uint64_t count)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
    fd = open(path, O_RDWR);
    if (fd < 0) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    for (uint64_t i = 0; i < 2 * count; i++) {
        uint16_t command = i & 1 ? 0 : COMMAND_MEMORY;

        if (pwrite(fd, &command, 2, COMMAND_REGISTER) != 2) {
            die("cannot write %s: %s", path, strerror(errno));
        }
    }
    close(fd);
}

int main(int argc, char **argv)
{
    struct reader *reader = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;

    if (argc != 3 || reader == MAP_FAILED) {
        die("usage: decode-switch BDF COUNT");
    }
    child = fork();
    if (!child) {
        read_for_ever(reader);
    }
    pin(0);
    while (reader->reads < 1000) {
        if (waitpid(child, NULL, WNOHANG)) {
            die("the reader has ended");
        }
    }
    switch_decode(argv[1], number(argv[2]));
    printf("%llu reads, %llu astray\n", (unsigned long long)reader->reads,
           (unsigned long long)reader->astray);
    if (reader->astray) {
        die("the APIC's version is 0x%x, a read gave 0x%x", reader->version,
            reader->value);
    }
    return 0;
}
