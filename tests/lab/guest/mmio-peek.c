/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mmio-peek BDF BAR OFFSET - prints one 32-bit word of a BAR.
 */
#include "lab.h"

int main(int argc, char **argv)
{
    volatile char *bar;

    if (argc != 4) {
        die("usage: mmio-peek BDF BAR OFFSET");
    }
    bar = bar_map(argv[1], number(argv[2]));
    printf("0x%08x\n", *(volatile uint32_t *)(bar + number(argv[3])));
    return 0;
}
