/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdcm - makes one TDCM request about a device, without the kernel's TSM.
 *
 *   tdcm BDF OPERATION [BYTES]   prints "RESULT STATUS ERROR LENGTH" and the
 *                                first bytes of the reply in hex; BYTES is the
 *                                room for the reply (default: all)
 *
 * Leaves with 0 if the request was carried out, whatever became of it. Needs
 * /dev/tdi-lab, which the module tdi_lab brings.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lab.h"
#include "tdi_lab.h"

#define KVM_HC_TDCM 24
#define SIZE (16 * 4096)
#define HEADER 20

int main(int argc, char **argv)
{
    struct tdi_lab_hypercall call = { .nr = KVM_HC_TDCM };
    unsigned int domain, bus, device, function;
    int lab_fd = open(TDI_LAB_DEVICE, O_RDWR);
    volatile uint8_t *buffer;
    uint32_t length;
    uint64_t gpa;

    if (argc < 3 || sscanf(argv[1], "%x:%x:%x.%x", &domain, &bus, &device,
                           &function) != 4) {
        die("usage: tdcm BDF OPERATION [BYTES]");
    }
    if (lab_fd < 0 || ioctl(lab_fd, TDI_LAB_BUFFER, &gpa)) {
        die("cannot use %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    buffer = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, lab_fd, 0);
    if (buffer == MAP_FAILED) {
        die("cannot map %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    memset((void *)buffer, 0, SIZE);
    length = argc > 3 ? number(argv[3]) : SIZE - HEADER;
    *(volatile uint16_t *)buffer = number(argv[2]);
    *(volatile uint32_t *)(buffer + 16) = length;

    call.args[0] = domain << 16 | bus << 8 | device << 3 | function;
    call.args[1] = gpa;
    call.args[2] = SIZE;
    if (ioctl(lab_fd, TDI_LAB_HYPERCALL, &call)) {
        die("ioctl on %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    length = *(volatile uint32_t *)(buffer + 16);
    printf("%lld %u %u %u", (long long)call.result, buffer[8], buffer[9],
           length);
    for (uint32_t i = 0; buffer[8] == 1 && i < length && i < 64; i++) {
        printf("%s%02x", i ? "" : " ", buffer[HEADER + i]);
    }
    printf("\n");
    return call.result || buffer[8] == 0;
}
