/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * convert - asks the hypervisor to turn a range private or shared.
 *
 *   convert bar BDF BAR private|shared   the whole BAR
 *   convert raw GPA PAGES ATTRIBUTES     the hypercall's arguments as they are
 *   convert edu BDF COUNT                COUNT times an edu's BAR there and back,
 *                                        with register checks in each view
 *   convert ram BDF|none GPA PAGES       RAM that nobody else uses there and back,
 *                                        with contents, and an edu's DMA if shared
 *   convert beyond BDF|none GPA PAGES    the same RAM and a page more, which must be
 *                                        refused, and all of it be as it was
 *
 * "raw" prints the result, the others leave with 0 only if all was right. All need
 * /dev/tdi-lab, which the module tdi_lab brings.
 */
#include <stdbool.h>
#include <sys/ioctl.h>

#include "edu.h"
#include "tdi_lab.h"

static int lab_fd = -1;

static int64_t map_gpa(uint64_t gpa, uint64_t pages, uint64_t attributes)
{
    struct tdi_lab_map_gpa call = {
        .gpa = gpa, .pages = pages, .attributes = attributes,
    };

    if (ioctl(lab_fd, TDI_LAB_MAP_GPA, &call)) {
        die("ioctl on %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    return call.result;
}

static uint64_t attribute(const char *view)
{
    if (!strcmp(view, "private")) {
        return TDI_LAB_PRIVATE;
    }
    if (!strcmp(view, "shared")) {
        return TDI_LAB_SHARED;
    }
    die("'%s' is neither private nor shared", view);
}

static void convert_bar(const char *bdf, int bar, uint64_t attributes)
{
    uint64_t gpa, size;
    int64_t result;

    bar_range(bdf, bar, &gpa, &size);
    result = map_gpa(gpa, (size + 4095) / 4096, attributes);
    if (result) {
        die("%s BAR %d: conversion to 0x%llx returns %lld", bdf, bar,
            (unsigned long long)attributes, (long long)result);
    }
}

static void convert_edu(const char *bdf, uint64_t count)
{
    volatile void *bar = bar_map(bdf, 0);
    uint64_t there = 0, back = 0, start;

    edu_alive(bar, 0x5a5a5a5a, "before the first conversion");
    for (uint64_t i = 0; i < count; i++) {
        start = now_ns();
        convert_bar(bdf, 0, TDI_LAB_PRIVATE);
        there += now_ns() - start;
        edu_alive(bar, 0x10000000u + i, "private");
        start = now_ns();
        convert_bar(bdf, 0, TDI_LAB_SHARED);
        back += now_ns() - start;
        edu_alive(bar, 0x20000000u + i, "shared");
    }
    edu_factorial(bar, 10, 3628800);
    printf("%llu %llu\n", (unsigned long long)(there / count / 1000),
           (unsigned long long)(back / count / 1000));
}

/* What is in word @i of RAM that was filled by @salt. */
static uint32_t pattern(uint64_t i, uint32_t salt)
{
    return (i + 1) * 0x9e3779b9u + salt;
}

static void fill(volatile uint32_t *ram, uint64_t pages, uint32_t salt)
{
    for (uint64_t i = 0; i < pages * 1024; i++) {
        ram[i] = pattern(i, salt);
    }
}

/* Each page has all of what @salt filled it with, or none (@want is false). */
static void check(volatile uint32_t *ram, uint64_t pages, uint32_t salt, bool want,
                  const char *when)
{
    for (uint64_t i = 0; i < pages * 1024; i++) {
        if ((ram[i] == pattern(i, salt)) != want) {
            die("%s: page %llu %s", when, (unsigned long long)i / 1024,
                want ? "has lost what was in it" :
                "still has what was in the other view");
        }
    }
}

/* The device reads each page, and writes what it has read to the next one. */
static void check_dma(const char *bdf, volatile uint32_t *ram, uint64_t gpa,
                      uint64_t pages)
{
    volatile void *bar;

    if (!strcmp(bdf, "none")) {
        return;
    }
    bar = bar_map(bdf, 0);
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t next = (i + 1) % pages;

        edu_dma(bar, gpa + i * 4096, 4096, 0);
        edu_dma(bar, gpa + next * 4096, 4096, 1);
        if (memcmp((void *)(ram + i * 1024), (void *)(ram + next * 1024), 4096)) {
            die("page %llu comes back changed from the DMA engine",
                (unsigned long long)i);
        }
    }
}

static volatile uint32_t *map_ram(uint64_t gpa, uint64_t pages)
{
    int fd = open("/dev/mem", O_RDWR);
    void *ram = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                     gpa);

    if (ram == MAP_FAILED) {
        die("cannot map RAM at 0x%llx: %s", (unsigned long long)gpa,
            strerror(errno));
    }
    return ram;
}

static void convert_ram(const char *bdf, uint64_t gpa, uint64_t pages)
{
    volatile uint32_t *ram = map_ram(gpa, pages);
    int64_t result;

    fill(ram, pages, 1);
    result = map_gpa(gpa, pages, TDI_LAB_PRIVATE);
    if (result) {
        check(ram, pages, 1, true, "a refused conversion to private");
        die("conversion to private returns %lld", (long long)result);
    }
    check(ram, pages, 1, false, "private");
    fill(ram, pages, 2);
    check(ram, pages, 2, true, "private");
    result = map_gpa(gpa, pages, TDI_LAB_SHARED);
    if (result) {
        check(ram, pages, 2, true, "a refused conversion to shared");
        die("conversion to shared returns %lld", (long long)result);
    }
    check(ram, pages, 2, false, "shared");
    fill(ram, pages, 3);
    check_dma(bdf, ram, gpa, pages);
}

static void convert_beyond(const char *bdf, uint64_t gpa, uint64_t pages)
{
    volatile uint32_t *ram = map_ram(gpa, pages);

    fill(ram, pages, 1);
    if (map_gpa(gpa, pages + 1, TDI_LAB_PRIVATE) == 0) {
        die("more than there is of RAM has turned private");
    }
    check(ram, pages, 1, true, "a refused conversion to private");
    check_dma(bdf, ram, gpa, pages);
}

int main(int argc, char **argv)
{
    lab_fd = open(TDI_LAB_DEVICE, O_RDWR);
    if (lab_fd < 0) {
        die("cannot open %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    if (argc == 5 && !strcmp(argv[1], "bar")) {
        convert_bar(argv[2], number(argv[3]), attribute(argv[4]));
    } else if (argc == 5 && !strcmp(argv[1], "raw")) {
        printf("%lld\n", (long long)map_gpa(number(argv[2]), number(argv[3]),
                                            number(argv[4])));
    } else if (argc == 4 && !strcmp(argv[1], "edu") && number(argv[3])) {
        convert_edu(argv[2], number(argv[3]));
    } else if (argc == 5 && !strcmp(argv[1], "ram")) {
        convert_ram(argv[2], number(argv[3]), number(argv[4]));
    } else if (argc == 5 && !strcmp(argv[1], "beyond")) {
        convert_beyond(argv[2], number(argv[3]), number(argv[4]));
    } else {
        die("usage: convert bar BDF BAR private|shared\n"
            "       convert raw GPA PAGES ATTRIBUTES\n"
            "       convert edu BDF COUNT\n"
            "       convert ram|beyond BDF|none GPA PAGES");
    }
    return 0;
}
