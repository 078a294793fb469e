/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cr8-irq COUNT - COUNT times, interrupts that wait for the task priority.
 *
 * Needs /dev/tdi-lab, which the module tdi_lab brings.
 */
#include <sys/ioctl.h>

#include "lab.h"
#include "tdi_lab.h"

int main(int argc, char **argv)
{
    static const char *const wrong[] = {
        [TDI_LAB_CR8_LOST_CLI] = "is lost after a write of CR8 with interrupts off",
        [TDI_LAB_CR8_EARLY] = "comes although CR8 masks it",
        [TDI_LAB_CR8_LOST] = "does not come when CR8 lets it",
    };
    int fd = open(TDI_LAB_DEVICE, O_RDWR);
    uint64_t count;
    int result;

    if (argc != 2) {
        die("usage: cr8-irq COUNT");
    }
    if (fd < 0) {
        die("cannot open %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    count = number(argv[1]);
    for (uint64_t i = 0; i < count; i++) {
        result = ioctl(fd, TDI_LAB_CR8);
        if (result < 0) {
            die("ioctl on %s: %s", TDI_LAB_DEVICE, strerror(errno));
        }
        if (result > 0) {
            die("interrupt %llu %s", (unsigned long long)i, wrong[result]);
        }
    }
    return 0;
}
