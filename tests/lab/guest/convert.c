/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * convert - asks the hypervisor to turn a range private or shared.
 *
 *   convert bar BDF BAR private|shared   the whole BAR
 *   convert raw GPA PAGES ATTRIBUTES     the hypercall's arguments as they are
 *   convert edu BDF COUNT                COUNT times an edu's BAR there and back,
 *                                        with register checks in each view
 *
 * "bar" and "edu" leave with 0 only if the hypervisor agreed each time. "raw"
 * prints the result. All need /dev/tdi-lab, which the module tdi_lab brings.
 */
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
    } else {
        die("usage: convert bar BDF BAR private|shared\n"
            "       convert raw GPA PAGES ATTRIBUTES\n"
            "       convert edu BDF COUNT");
    }
    return 0;
}
