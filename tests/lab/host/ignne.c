/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ignne - writes to port F0h for ever.
 *
 * In the way of MS-DOS, this acknowledges an error of the FPU: the chipset tells
 * the boot CPU to go on in spite of it, whichever CPU has written.
 */
#include "lab.h"

int main(void)
{
    int fd = open("/dev/port", O_WRONLY);
    char byte = 0;

    if (fd < 0) {
        die("cannot open /dev/port: %s", strerror(errno));
    }
    for (;;) {
        if (pwrite(fd, &byte, 1, 0xf0) != 1) {
            die("cannot write to port F0h: %s", strerror(errno));
        }
    }
}
