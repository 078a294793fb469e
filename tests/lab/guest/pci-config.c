/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci-config BDF OFFSET SIZE [VALUE] - reads, or writes, PCI config space.
 *
 * SIZE is 1, 2 or 4 bytes. A read prints the value in hex.
 */
#include "lab.h"

int main(int argc, char **argv)
{
    char path[128];
    uint32_t value = 0;
    uint64_t offset, size;
    int fd;

    if (argc != 4 && argc != 5) {
        die("usage: pci-config BDF OFFSET SIZE [VALUE]");
    }
    offset = number(argv[2]);
    size = number(argv[3]);
    if (size != 1 && size != 2 && size != 4) {
        die("size %s is not 1, 2 or 4", argv[3]);
    }
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", argv[1]);
    fd = open(path, argc == 5 ? O_RDWR : O_RDONLY);
    if (fd < 0) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    if (argc == 5) {
        value = number(argv[4]);
        if (pwrite(fd, &value, size, offset) != (ssize_t)size) {
            die("cannot write %s: %s", path, strerror(errno));
        }
        return 0;
    }
    if (pread(fd, &value, size, offset) != (ssize_t)size) {
        die("cannot read %s: %s", path, strerror(errno));
    }
    printf("0x%0*x\n", (int)size * 2, value);
    return 0;
}
