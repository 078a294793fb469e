/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kick-cpus INTERVAL-US - makes L0 stop and kick all its virtual CPUs, for ever.
 *
 * QEMU's TCG does a misaligned atomic operation while no other CPU runs: it
 * kicks each of them out of its code. No interrupt comes with such a kick, which
 * is what sets it apart from all that a guest can usually do to another CPU.
 */
#include "lab.h"

int main(int argc, char **argv)
{
    static _Alignas(64) char line[128];
    useconds_t interval;

    if (argc != 2) {
        die("usage: kick-cpus INTERVAL-US");
    }
    interval = number(argv[1]);
    for (;;) {
        __asm__ volatile("lock incl %0" : "+m"(*(uint32_t *)(line + 62)));
        usleep(interval);
    }
}
