/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `edu` device as the lab uses it: registers that answer in a way nothing
 * else does, and a DMA engine with 4 KiB of memory of its own.
 *
 *   0x00  RO  identification: version in the upper half, 0xed below
 *   0x04  RW  liveness: reads back the complement of what was written
 *   0x08  RW  factorial: the value written is replaced by its factorial
 *   0x20  RW  status: bit 0 is set while the factorial is being computed
 *   0x80  RW  DMA source, 0x88 DMA destination, 0x90 DMA length, each 64 bits
 *   0x98  RW  DMA command: bit 0 starts (and stays set meanwhile), bit 1 means
 *             from the device to memory
 *   0x40000   where the DMA engine sees the device's own memory
 */
#ifndef LAB_EDU_H
#define LAB_EDU_H

#include "lab.h"

#define EDU_IDENT 0x00
#define EDU_ALIVE 0x04
#define EDU_FACTORIAL 0x08
#define EDU_STATUS 0x20
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_CMD 0x98
#define EDU_DMA_BUFFER 0x40000
#define EDU_DMA_BUFFER_SIZE 4096
#define EDU_WAIT_NS 20000000000ULL

static inline uint32_t edu_read(volatile void *bar, unsigned offset)
{
    return *(volatile uint32_t *)((volatile char *)bar + offset);
}

static inline void edu_write(volatile void *bar, unsigned offset,
                             uint32_t value)
{
    *(volatile uint32_t *)((volatile char *)bar + offset) = value;
}

static inline void edu_write64(volatile void *bar, unsigned offset,
                               uint64_t value)
{
    *(volatile uint64_t *)((volatile char *)bar + offset) = value;
}

/* Ends the program unless identification and liveness answer for VALUE. */
static inline void edu_alive(volatile void *bar, uint32_t value,
                             const char *when)
{
    uint32_t ident = edu_read(bar, EDU_IDENT);
    uint32_t alive;

    if ((ident & 0xffff) != 0x00ed) {
        die("%s: identification reads 0x%08x", when, ident);
    }
    edu_write(bar, EDU_ALIVE, value);
    alive = edu_read(bar, EDU_ALIVE);
    if (alive != ~value) {
        die("%s: liveness reads 0x%08x after writing 0x%08x", when, alive,
            value);
    }
}

static inline void edu_wait(volatile void *bar, unsigned offset,
                            const char *what)
{
    uint64_t end = now_ns() + EDU_WAIT_NS;

    while (edu_read(bar, offset) & 1) {
        if (now_ns() > end) {
            die("%s does not end", what);
        }
    }
}

static inline void edu_factorial(volatile void *bar, uint32_t of,
                                 uint32_t expected)
{
    uint32_t found;

    edu_write(bar, EDU_FACTORIAL, of);
    edu_wait(bar, EDU_STATUS, "the factorial");
    found = edu_read(bar, EDU_FACTORIAL);
    if (found != expected) {
        die("factorial of %u reads %u, not %u", of, found, expected);
    }
}

/* One transfer; TO_MEMORY moves from the device's own buffer to ADDRESS. */
static inline void edu_dma(volatile void *bar, uint64_t address, uint64_t size,
                           int to_memory)
{
    edu_write64(bar, EDU_DMA_SRC, to_memory ? EDU_DMA_BUFFER : address);
    edu_write64(bar, EDU_DMA_DST, to_memory ? address : EDU_DMA_BUFFER);
    edu_write64(bar, EDU_DMA_LEN, size);
    edu_write(bar, EDU_DMA_CMD, to_memory ? 3 : 1);
    edu_wait(bar, EDU_DMA_CMD, "the DMA transfer");
}

#endif
