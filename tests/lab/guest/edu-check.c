/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edu-check BDF - registers and DMA engine of an edu device.
 * edu-check BDF stranger GPA - has it write a page there, whoever it belongs to.
 *
 * Leaves with 0 when the identification, the liveness register (64 values), the
 * factorial unit and a round trip of one page through the DMA engine are right. What
 * becomes of the write of a stranger is for others to see.
 */
#include "edu.h"

static void check_dma(volatile void *bar)
{
    uint64_t from_gpa, to_gpa;
    uint32_t *from = pinned_page(&from_gpa);
    uint32_t *to = pinned_page(&to_gpa);

    for (unsigned i = 0; i < EDU_DMA_BUFFER_SIZE / 4; i++) {
        from[i] = 0x9e3779b9u * (i + 1);
        to[i] = 0;
    }
    edu_dma(bar, from_gpa, EDU_DMA_BUFFER_SIZE, 0);
    edu_dma(bar, to_gpa, EDU_DMA_BUFFER_SIZE, 1);
    if (memcmp(from, to, EDU_DMA_BUFFER_SIZE)) {
        die("a page comes back changed from the DMA engine");
    }
}

int main(int argc, char **argv)
{
    volatile void *bar;

    if (argc != 2 && (argc != 4 || strcmp(argv[2], "stranger"))) {
        die("usage: edu-check BDF [stranger GPA]");
    }
    bar = bar_map(argv[1], 0);
    if (argc == 4) {
        edu_dma(bar, strtoull(argv[3], NULL, 0), EDU_DMA_BUFFER_SIZE, 1);
        return 0;
    }
    for (unsigned i = 0; i < 64; i++) {
        edu_alive(bar, 0x01234567u * i, "check");
    }
    edu_factorial(bar, 5, 120);
    edu_factorial(bar, 12, 479001600);
    check_dma(bar);
    return 0;
}
