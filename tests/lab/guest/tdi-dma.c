/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdi-dma - DMA of a tdi-testdev that the driver tdi_dma has, and the reverse of
 * what a driver would do.
 *
 *   tdi-dma BDF copy BYTES [coherent]
 *                        to the device and back; prints how it went, as
 *                        "STATUS MAPPINGS ELSEWHERE BYTES_PER_S GPA BUS". ELSEWHERE
 *                        counts those of the mappings that are bounced; the rate is
 *                        that of both ways
 *   tdi-dma BDF orphan   takes the driver away from under an open file, and says what
 *                        a copy by this file comes to
 *   tdi-dma BDF poke BUS a page of 0x5a to any bus address, whoever has it; no
 *                        driver is needed. Prints "STATUS FAULTS LAST": how it
 *                        ended, how many translations were refused since, and
 *                        where the last one was
 *
 * STATUS is a TDI_TESTDEV_DMA_* number: 2 is success, 3 an error on the bus.
 */
#include <stdbool.h>

#include "lab.h"
#include "tdi-testdev.h"
#include "tdi_dma.h"

#define PAGE 4096
#define WAIT_NS 20000000000ULL

static volatile uint32_t *regs;

static uint32_t reg(unsigned int offset)
{
    return regs[offset / 4];
}

static int open_driver(const char *bdf)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), TDI_DMA_DEVICE "%s", bdf);
    fd = open(path, O_RDWR);
    if (fd < 0) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    return fd;
}

static void orphan(const char *bdf)
{
    static const char path[] = "/sys/bus/pci/drivers/tdi-dma/unbind";
    struct tdi_dma_copy call = { .bytes = PAGE };
    int fd = open_driver(bdf), sysfs = open(path, O_WRONLY);

    if (sysfs < 0 || write(sysfs, bdf, strlen(bdf)) < 0) {
        die("%s: %s", path, strerror(errno));
    }
    close(sysfs);
    puts(ioctl(fd, TDI_DMA_COPY, &call) ? strerror(errno) : "done");
    close(fd);
}

static void copy(const char *bdf, uint64_t bytes, bool coherent)
{
    struct tdi_dma_copy call = {
        .bytes = bytes,
        .flags = coherent ? TDI_DMA_COHERENT : 0,
        .seed = now_ns(),
    };
    uint64_t ns;
    int fd = open_driver(bdf);

    if (ioctl(fd, TDI_DMA_COPY, &call)) {
        die("copy of %llu bytes: %s", (unsigned long long)bytes,
            strerror(errno));
    }
    ns = call.to_ns + call.from_ns;
    printf("%u %u %u %llu 0x%llx 0x%llx\n", call.status, call.mappings,
           call.elsewhere,
           (unsigned long long)(ns ? 2e9 * bytes / ns : 0),
           (unsigned long long)call.gpa, (unsigned long long)call.bus);
    close(fd);
}

static uint32_t open_reg(unsigned int offset)
{
    return reg(TDI_TESTDEV_OPEN_PART + offset);
}

/* A device that is locked or in ERROR does not even show its registers. */
static void poke(uint64_t bus)
{
    uint32_t faults = open_reg(TDI_TESTDEV_OPEN_DMA_FAULTS), status;
    uint64_t end = now_ns() + WAIT_NS;

    regs[TDI_TESTDEV_DMA_IOVA_LO / 4] = bus;
    regs[TDI_TESTDEV_DMA_IOVA_HI / 4] = bus >> 32;
    regs[TDI_TESTDEV_DMA_LENGTH / 4] = PAGE;
    regs[TDI_TESTDEV_DMA_PATTERN / 4] = 0x5a5a5a5a;
    regs[TDI_TESTDEV_DMA_COMMAND / 4] = TDI_TESTDEV_DMA_FILL;
    do {
        status = reg(TDI_TESTDEV_DMA_STATUS);
        if (now_ns() > end) {
            die("DMA to 0x%llx does not end", (unsigned long long)bus);
        }
    } while (status == TDI_TESTDEV_DMA_BUSY);
    printf("%d %u 0x%llx\n", (int)status,
           open_reg(TDI_TESTDEV_OPEN_DMA_FAULTS) - faults,
           (unsigned long long)open_reg(TDI_TESTDEV_OPEN_FAULT_HI) << 32 |
           open_reg(TDI_TESTDEV_OPEN_FAULT_LO));
}

int main(int argc, char **argv)
{
    bool coherent = argc == 5 && !strcmp(argv[4], "coherent");

    if (argc >= 4 && !strcmp(argv[2], "copy") && (argc == 4 || coherent)) {
        copy(argv[1], number(argv[3]), coherent);
    } else if (argc == 3 && !strcmp(argv[2], "orphan")) {
        orphan(argv[1]);
    } else if (argc == 4 && !strcmp(argv[2], "poke")) {
        regs = bar_map(argv[1], TDI_TESTDEV_REG_BAR);
        poke(number(argv[3]));
    } else {
        die("usage: tdi-dma BDF copy BYTES [coherent], tdi-dma BDF orphan, "
            "tdi-dma BDF poke BUS");
    }
    return 0;
}
