/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdcm-fuzz - makes random TDCM requests about a device.
 *
 *   tdcm-fuzz BDF COUNT SEED
 *
 * Registers and buffers are bad in every way that a guest can think of: no such
 * device, unaligned, too large, not memory, a page at the end that is private,
 * fields that must be zero. In every other request a second thread, on another
 * vCPU if there is one, changes the buffer meanwhile. Prints, ten times, after how
 * many how many were taken. Leaves with 0 if every hypercall came back with a value
 * that it may return, and what overlaps the private page was not taken. Needs
 * /dev/tdi-lab.
 */
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "lab.h"
#include "tdi_lab.h"

#define KVM_HC_TDCM 24
#define PAGE 4096

/* Interrupts that Linux takes for those of PCI devices, or of nothing */
#define FIRST_VECTOR 0x40
#define NR_VECTORS (0xeb - FIRST_VECTOR)

static volatile uint8_t *buffer;
static volatile bool calm, idle, stop;
static uint64_t state;

static uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static bool chance(unsigned percent)
{
    return rnd() % 100 < percent;
}

static void *vandal(void *opaque)
{
    uint64_t x = 88172645463325252ULL;

    (void)opaque;
    while (!stop) {
        idle = calm;
        if (idle) {
            sched_yield();
            continue;
        }
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        buffer[x % 24] = x >> 32 & 0x0f;
    }
    return NULL;
}

/* The last page of the buffer: once private, no request may use it. */
static void convert_last_page(int lab_fd, uint64_t gpa, uint64_t attributes)
{
    struct tdi_lab_map_gpa call = {
        .gpa = gpa + TDI_LAB_BUFFER_SIZE - PAGE,
        .pages = 1,
        .attributes = attributes,
    };

    if (ioctl(lab_fd, TDI_LAB_MAP_GPA, &call) || call.result) {
        die("conversion of the last page returns %lld",
            (long long)call.result);
    }
}

static bool overlaps(const struct tdi_lab_hypercall *call, uint64_t gpa)
{
    uint64_t last = gpa + TDI_LAB_BUFFER_SIZE - PAGE;

    return call->args[1] < last + PAGE && call->args[1] + call->args[2] > last;
}

static void fill(void)
{
    memset((void *)buffer, 0, 64);
    *(volatile uint16_t *)buffer = chance(90) ? rnd() % 9 : rnd();
    *(volatile uint32_t *)(buffer + 16) = chance(80) ? PAGE - 20 : rnd();
    for (unsigned i = chance(20) ? rnd() % 8 : 0; i; i--) {
        buffer[rnd() % 24] = rnd();
    }
}

static void make_args(struct tdi_lab_hypercall *call, uint32_t rid,
                      uint64_t gpa)
{
    static const uint64_t places[] = {
        0, 0xfee00000, 0xfed00000, 0xf0000000, 0xfffff000, 1ULL << 40,
        1ULL << 51, ~0ULL << 12, 0xa0000, 0xfeb00000,
    };

    call->args[0] = chance(95) ? rid : rnd() >> rnd() % 64;
    call->args[1] = gpa;
    if (chance(10)) {
        call->args[1] += chance(50) ? rnd() % PAGE : rnd() % 18 * PAGE;
    } else if (chance(10)) {
        call->args[1] = places[rnd() % (sizeof(places) / sizeof(*places))];
    } else if (chance(5)) {
        call->args[1] = rnd() >> rnd() % 64;
    }
    call->args[2] = chance(80) ? (1 + rnd() % 16) * PAGE : rnd() >> rnd() % 64;
    /*
     * Of its own vectors, and those of the ISA bus, Linux believes that it knows
     * where they come from: one makes a CPU stop (0xf8), others are acknowledged
     * to an 8259A (0x30 to 0x3f) or not at all (0xff), so that the local APIC
     * lets no interrupt of a device pass after that.
     */
    call->args[3] = chance(98) ? 0 :
                    chance(80) ? FIRST_VECTOR + rnd() % NR_VECTORS :
                    chance(50) ? rnd() % 32 : 256 + rnd() % 256;
}

int main(int argc, char **argv)
{
    unsigned int domain, bus, device, function;
    int lab_fd = open(TDI_LAB_DEVICE, O_RDWR);
    uint64_t gpa, count, taken = 0;
    pthread_t thread;

    if (argc != 4 || sscanf(argv[1], "%x:%x:%x.%x", &domain, &bus, &device,
                            &function) != 4) {
        die("usage: tdcm-fuzz BDF COUNT SEED");
    }
    count = number(argv[2]);
    state = number(argv[3]) * 2654435761ULL + 1;
    if (lab_fd < 0 || ioctl(lab_fd, TDI_LAB_BUFFER, &gpa)) {
        die("cannot use %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    buffer = mmap(NULL, TDI_LAB_BUFFER_SIZE, PROT_READ | PROT_WRITE,
                  MAP_SHARED, lab_fd, 0);
    if (buffer == MAP_FAILED ||
        pthread_create(&thread, NULL, vandal, NULL)) {
        die("cannot start");
    }
    convert_last_page(lab_fd, gpa, TDI_LAB_PRIVATE);
    for (uint64_t i = 0; i < count; i++) {
        struct tdi_lab_hypercall call = { .nr = KVM_HC_TDCM };

        /* How many it spoils depends on how fast it is. */
        calm = i % 2;
        while (idle != calm) {
            sched_yield();
        }
        fill();
        make_args(&call, domain << 16 | bus << 8 | device << 3 | function,
                  gpa);
        if (ioctl(lab_fd, TDI_LAB_HYPERCALL, &call)) {
            die("ioctl on %s: %s", TDI_LAB_DEVICE, strerror(errno));
        }
        if (call.result && call.result != -22 && call.result != -95) {
            die("request %llu returns %lld", (unsigned long long)i,
                (long long)call.result);
        }
        if (!call.result && overlaps(&call, gpa)) {
            die("request %llu was taken with a private page",
                (unsigned long long)i);
        }
        taken += !call.result;
        progress(i + 1, count, taken);
    }
    stop = true;
    pthread_join(thread, NULL);
    convert_last_page(lab_fd, gpa, TDI_LAB_SHARED);
    return 0;
}
