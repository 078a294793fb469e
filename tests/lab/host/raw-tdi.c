/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raw-tdi - a VM with a TDI that does what it is told
 *
 *   raw-tdi BDF
 *
 * Says "ready" when the device is part of the VM. Then it does each word that it
 * reads, bind, unbind or report: it says the word, does it, and says the errno, 0 if
 * there is none. All that takes time beside these requests is over before.
 */
#define _GNU_SOURCE
#include "raw-vmm.h"

int main(int argc, char **argv)
{
    Dev dev = { .rid = 0x100 };
    char word[16];
    Vm vm;

    if (argc != 2) {
        die("usage: raw-tdi BDF");
    }
    dev.name = dev.bdf = argv[1];
    iommufd_open();
    vm_create(&vm);
    dev_open(&dev, &vm, ioas_alloc());
    dev_alloc_viommu(&dev);
    dev_alloc_vdevice(&dev);

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (scanf("%15s", word) == 1) {
        puts(word);
        if (!strcmp(word, "bind")) {
            printf("%d\n", try_tsm(&dev, IOMMU_VDEVICE_TSM_BIND));
        } else if (!strcmp(word, "unbind")) {
            printf("%d\n", try_tsm(&dev, IOMMU_VDEVICE_TSM_UNBIND));
        } else if (!strcmp(word, "report")) {
            printf("%d\n", try_report(&dev));
        } else {
            die("what is '%s'?", word);
        }
    }
    return 0;
}
