/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tdi-check - uses a tdi-testdev: registers, memory and DMA.
 *
 *   tdi-check BDF work        all of it is right
 *   tdi-check BDF loop FILE   over and over until FILE exists; prints how often
 *   tdi-check BDF closed      what is TEE memory reads as all ones, writes to it
 *                             vanish, and the open part answers
 *   tdi-check BDF state       prints what the open part says of its TDISP state
 *
 * Leaves with 0 if that is so. DMA goes to a page of this program, whose address
 * on the bus is that in the machine.
 */
#include <stdbool.h>

#include "lab.h"
#include "tdi-testdev.h"

#define PAGE 4096
#define FIRST 0x1000
#define SECOND 0x3000
#define WAIT_NS 20000000000ULL

static volatile uint32_t *regs;
static volatile uint32_t *memory;
static uint32_t *page;
static uint64_t page_gpa;

static uint32_t reg(unsigned int offset)
{
    return regs[offset / 4];
}

static uint32_t open_reg(unsigned int offset)
{
    return reg(TDI_TESTDEV_OPEN_PART + offset);
}

static void dma(uint32_t command, uint32_t offset, uint32_t pattern)
{
    uint64_t end = now_ns() + WAIT_NS;
    uint32_t status;

    regs[TDI_TESTDEV_DMA_IOVA_LO / 4] = page_gpa;
    regs[TDI_TESTDEV_DMA_IOVA_HI / 4] = page_gpa >> 32;
    regs[TDI_TESTDEV_DMA_OFFSET_LO / 4] = offset;
    regs[TDI_TESTDEV_DMA_OFFSET_HI / 4] = 0;
    regs[TDI_TESTDEV_DMA_LENGTH / 4] = PAGE;
    regs[TDI_TESTDEV_DMA_PATTERN / 4] = pattern;
    regs[TDI_TESTDEV_DMA_COMMAND / 4] = command;
    do {
        status = reg(TDI_TESTDEV_DMA_STATUS);
        if (now_ns() > end) {
            die("DMA operation %u does not end", command);
        }
    } while (status == TDI_TESTDEV_DMA_BUSY);
    if (status != TDI_TESTDEV_DMA_OK) {
        die("DMA operation %u ends with status %u", command, status);
    }
}

static void check_registers(uint32_t value)
{
    if (reg(TDI_TESTDEV_ID) != TDI_TESTDEV_ID_VALUE) {
        die("the ID register reads 0x%08x", reg(TDI_TESTDEV_ID));
    }
    regs[TDI_TESTDEV_SCRATCH / 4] = value;
    if (reg(TDI_TESTDEV_SCRATCH) != value) {
        die("SCRATCH reads 0x%08x after 0x%08x", reg(TDI_TESTDEV_SCRATCH),
            value);
    }
}

/* Device memory -> RAM -> other device memory, each step with a comparison. */
static void check_dma(uint32_t seed)
{
    for (unsigned int i = 0; i < PAGE / 4; i++) {
        memory[FIRST / 4 + i] = seed + i * 2654435761u;
    }
    memset(page, 0, PAGE);
    dma(TDI_TESTDEV_DMA_WRITE, FIRST, 0);
    for (unsigned int i = 0; i < PAGE / 4; i++) {
        if (page[i] != seed + i * 2654435761u) {
            die("word %u in RAM is 0x%08x", i, page[i]);
        }
        page[i] = ~page[i];
    }
    dma(TDI_TESTDEV_DMA_READ, SECOND, 0);
    dma(TDI_TESTDEV_DMA_COMPARE, SECOND, 0);
    for (unsigned int i = 0; i < PAGE / 4; i++) {
        if (memory[SECOND / 4 + i] != ~(seed + i * 2654435761u)) {
            die("word %u in the device is 0x%08x", i, memory[SECOND / 4 + i]);
        }
    }
    dma(TDI_TESTDEV_DMA_FILL, 0, seed);
    if (page[0] != seed || page[PAGE / 4 - 1] != seed) {
        die("FILL left 0x%08x and 0x%08x", page[0], page[PAGE / 4 - 1]);
    }
}

static void check_closed(void)
{
    regs[TDI_TESTDEV_SCRATCH / 4] = 0x600df00d;
    if (reg(TDI_TESTDEV_ID) != UINT32_MAX ||
        reg(TDI_TESTDEV_SCRATCH) != UINT32_MAX || memory[0] != UINT32_MAX) {
        die("ID reads 0x%08x, SCRATCH 0x%08x, memory 0x%08x, not all ones",
            reg(TDI_TESTDEV_ID), reg(TDI_TESTDEV_SCRATCH), memory[0]);
    }
    if (open_reg(TDI_TESTDEV_OPEN_ID) != TDI_TESTDEV_ID_VALUE) {
        die("the open part reads 0x%08x", open_reg(TDI_TESTDEV_OPEN_ID));
    }
}

static void check_loop(const char *file)
{
    uint32_t count = 0;

    do {
        check_registers(count * 2246822519u);
        check_dma(count++);
    } while (access(file, F_OK));
    printf("%u\n", count);
}

int main(int argc, char **argv)
{
    bool loop = argc == 4 && !strcmp(argv[2], "loop");

    if (!loop && argc != 3) {
        die("usage: tdi-check BDF work|closed|state, tdi-check BDF loop FILE");
    }
    regs = bar_map(argv[1], TDI_TESTDEV_REG_BAR);
    memory = bar_map(argv[1], TDI_TESTDEV_MEM_BAR);
    page = pinned_page(&page_gpa);
    if (loop) {
        check_loop(argv[3]);
    } else if (!strcmp(argv[2], "work")) {
        check_registers(0x12345678);
        check_dma(getpid());
    } else if (!strcmp(argv[2], "closed")) {
        check_closed();
    } else if (!strcmp(argv[2], "state")) {
        printf("%u\n", open_reg(TDI_TESTDEV_OPEN_STATE));
    } else {
        die("unknown word %s", argv[2]);
    }
    return 0;
}
