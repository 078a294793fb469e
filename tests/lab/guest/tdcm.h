/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TDCM requests from user space, by the lab's module.
 */
#ifndef LAB_TDCM_H
#define LAB_TDCM_H

#include <sys/ioctl.h>

#include "lab.h"
#include "tdi_lab.h"

#define TDCM_HYPERCALL 24
#define TDCM_SIZE (16 * 4096)
#define TDCM_HEADER 20
#define TDCM_WAIT_NS 60000000000ULL

/* What came back; @buffer has the reply behind the header. */
typedef struct Tdcm {
    volatile uint8_t *buffer;
    int64_t result;
    uint8_t status, error;
    uint32_t length;
} Tdcm;

static inline Tdcm tdcm_request(int lab_fd, const char *bdf, uint16_t operation,
                                uint32_t room)
{
    struct tdi_lab_hypercall call = { .nr = TDCM_HYPERCALL };
    unsigned int domain, bus, device, function;
    static volatile uint8_t *buffer;
    uint64_t gpa;

    if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4) {
        die("'%s' is no address", bdf);
    }
    if (ioctl(lab_fd, TDI_LAB_BUFFER, &gpa)) {
        die("cannot use %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    if (!buffer) {
        buffer = mmap(NULL, TDCM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                      lab_fd, 0);
    }
    if (buffer == MAP_FAILED) {
        die("cannot map %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    memset((void *)buffer, 0, TDCM_SIZE);
    *(volatile uint16_t *)buffer = operation;
    *(volatile uint32_t *)(buffer + 16) = room;

    call.args[0] = domain << 16 | bus << 8 | device << 3 | function;
    call.args[1] = gpa;
    call.args[2] = TDCM_SIZE;
    if (ioctl(lab_fd, TDI_LAB_HYPERCALL, &call)) {
        die("ioctl on %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    return (Tdcm) {
        .buffer = buffer,
        .result = call.result,
        .status = buffer[8],
        .error = buffer[9],
        .length = *(volatile uint32_t *)(buffer + 16),
    };
}

/* A host that takes its time answers after the hypercall. */
static inline void tdcm_wait(Tdcm *reply)
{
    uint64_t end = now_ns() + TDCM_WAIT_NS;

    while (!reply->result && !reply->status && now_ns() < end) {
        usleep(1000);
        reply->status = reply->buffer[8];
    }
    reply->error = reply->buffer[9];
    reply->length = *(volatile uint32_t *)(reply->buffer + 16);
}

#endif
