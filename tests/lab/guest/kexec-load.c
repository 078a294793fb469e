/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kexec-load KERNEL INITRD CMDLINE - starts another kernel in this one's place. Returns
 * only if that fails.
 */
#include <linux/reboot.h>
#include <sys/syscall.h>

#include "lab.h"

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY);

    if (fd < 0) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        die("usage: kexec-load KERNEL INITRD CMDLINE");
    }
    if (syscall(SYS_kexec_file_load, open_file(argv[1]), open_file(argv[2]),
                strlen(argv[3]) + 1, argv[3], 0UL)) {
        die("cannot load %s: %s", argv[1], strerror(errno));
    }
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
            LINUX_REBOOT_CMD_KEXEC, NULL);
    die("the new kernel does not start: %s", strerror(errno));
}
