/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2p EDU-BDF OTHER-BDF OTHER-BAR - one device's DMA reaches the other's BAR.
 *
 * The edu device's DMA engine copies a pattern from guest memory to the other
 * device's memory BAR, where the CPU looks at it, and then something else, which
 * the CPU wrote there, back to guest memory.
 */
#include "edu.h"

#define WORDS (EDU_DMA_BUFFER_SIZE / 4)

int main(int argc, char **argv)
{
    volatile void *edu;
    volatile uint32_t *other;
    uint64_t bar_gpa, bar_size, page_gpa;
    uint32_t *page;

    if (argc != 4) {
        die("usage: p2p EDU-BDF OTHER-BDF OTHER-BAR");
    }
    edu = bar_map(argv[1], 0);
    other = bar_map(argv[2], number(argv[3]));
    bar_range(argv[2], number(argv[3]), &bar_gpa, &bar_size);
    page = pinned_page(&page_gpa);

    for (unsigned i = 0; i < WORDS; i++) {
        page[i] = 0x9e3779b9u * (i + 1);
        other[i] = 0;
    }
    edu_dma(edu, page_gpa, EDU_DMA_BUFFER_SIZE, 0);
    edu_dma(edu, bar_gpa, EDU_DMA_BUFFER_SIZE, 1);
    for (unsigned i = 0; i < WORDS; i++) {
        if (other[i] != page[i]) {
            die("word %u of the BAR is 0x%08x after DMA of 0x%08x", i, other[i],
                page[i]);
        }
    }

    for (unsigned i = 0; i < WORDS; i++) {
        other[i] = 0x85ebca6bu * (i + 1);
        page[i] = 0;
    }
    edu_dma(edu, bar_gpa, EDU_DMA_BUFFER_SIZE, 0);
    edu_dma(edu, page_gpa, EDU_DMA_BUFFER_SIZE, 1);
    for (unsigned i = 0; i < WORDS; i++) {
        if (page[i] != 0x85ebca6bu * (i + 1)) {
            die("word %u comes back from the BAR as 0x%08x", i, page[i]);
        }
    }
    return 0;
}
