/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fpu-status - loads the FPU's status word, without an error in it, for ever.
 *
 * To the hardware, each time may be the end of an error that it signals to the
 * boot CPU in the way of MS-DOS.
 */
#include "lab.h"

int main(void)
{
    uint32_t environment[7];

    __asm__ volatile("fninit; fnstenv %0" : "=m"(environment));
    for (;;) {
        __asm__ volatile("fldenv %0" : : "m"(environment));
    }
}
