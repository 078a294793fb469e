/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdcm - makes one TDCM request about a device, without the kernel's TSM.
 *
 *   tdcm BDF OPERATION [BYTES]   prints "RESULT STATUS ERROR LENGTH" and the
 *                                first bytes of the reply in hex; BYTES is the
 *                                room for the reply (default: all)
 *   tdcm wait BDF OPERATION      the same once the host has answered, which may
 *                                be after the hypercall
 *
 * Leaves with 0 if the request was carried out, whatever became of it. Needs
 * /dev/tdi-lab, which the module tdi_lab brings.
 */
#include <stdbool.h>

#include "tdcm.h"

int main(int argc, char **argv)
{
    int lab_fd = open(TDI_LAB_DEVICE, O_RDWR);
    bool wait = argc > 1 && !strcmp(argv[1], "wait");
    Tdcm reply;

    argv += wait;
    argc -= wait;
    if (argc < 3 || lab_fd < 0) {
        die("usage: tdcm [wait] BDF OPERATION [BYTES], with %s",
            TDI_LAB_DEVICE);
    }
    reply = tdcm_request(lab_fd, argv[1], number(argv[2]),
                         argc > 3 ? number(argv[3]) : TDCM_SIZE - TDCM_HEADER);
    if (wait) {
        tdcm_wait(&reply);
    }
    printf("%lld %u %u %u", (long long)reply.result, reply.status, reply.error,
           reply.length);
    for (uint32_t i = 0; reply.status == 1 && i < reply.length && i < 64; i++) {
        printf("%s%02x", i ? "" : " ", reply.buffer[TDCM_HEADER + i]);
    }
    printf("\n");
    return reply.result || reply.status == 0;
}
