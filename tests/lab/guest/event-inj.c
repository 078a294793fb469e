/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event-inj BDF BAR COUNT - a page fault, then at once a trapped read, COUNT times.
 *
 * The exception is delivered inside the guest; the read is the next exit to KVM.
 * A virtual processor that reports the old exception with that exit makes KVM
 * believe the exit interrupted its delivery, which for MMIO is an internal error.
 */
#include "lab.h"

int main(int argc, char **argv)
{
    volatile uint32_t *reg;
    volatile char *pages;
    uint64_t count;

    if (argc != 4) {
        die("usage: event-inj BDF BAR COUNT");
    }
    reg = bar_map(argv[1], number(argv[2]));
    count = number(argv[3]);
    pages = mmap(NULL, count * 4096, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || madvise((void *)pages, count * 4096,
                                       MADV_NOHUGEPAGE)) {
        die("no memory for %s pages", argv[3]);
    }
    for (uint64_t i = 0; i < count; i++) {
        pages[i * 4096] = 1;
        if ((*reg & 0xffff) != 0x00ed) {
            die("read %llu of the register is wrong", (unsigned long long)i);
        }
    }
    return 0;
}
