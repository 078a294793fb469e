/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What raw-vmm looks at, and what it has to find:
 *
 *   what the tables of the IOMMU have, by L0
 *   how DMA ends, and the device's record of what the IOMMU refused
 *   what is in memory, by L0, by the guest and by the VMM
 *
 * It asks L0 on standard output, and reads an answer from standard input:
 *
 *   tables NAME     what the tables have for this device and all pages
 *   word ADDRESS    32 bits of the host's memory
 */
#ifndef LAB_RAW_JUDGE_H
#define LAB_RAW_JUDGE_H

#include "raw-vmm.h"

#define ALL ((1u << NR_PAGES) - 1)
#define BIT(page) (1u << (page))
/* The page to which something happens, and those that are tried each time */
#define AT 3
static const int tried[] = { AT, AT + 1, NR_PAGES - 1 };

static Vm vm;
static Dev dev[2];
static uint32_t ioas;
/* The TDI takes orders from its guest, and from nobody else */
static bool running;
/* Of each page of guest_memfd: what it begins with and where it is; 0: not known */
static uint32_t word[NR_PAGES];
static uint64_t frame[NR_PAGES];

static inline void expect(const char *what, int got, int wanted)
{
    if (got != wanted) {
        die("%s: '%s', not '%s'", what, strerror(got), strerror(wanted));
    }
}

static inline char *ask(const char *verb, const char *what)
{
    static char line[8192];

    printf("%s %s\n", verb, what);
    fflush(stdout);
    if (!fgets(line, sizeof(line), stdin)) {
        die("no answer to '%s %s'", verb, what);
    }
    return line;
}

static inline uint32_t word_at(uint64_t address)
{
    char what[32], *colon;

    snprintf(what, sizeof(what), "0x%llx", (unsigned long long)address);
    colon = strchr(ask("word", what), ':');
    if (!colon) {
        die("no word at %s", what);
    }
    return strtoul(colon + 1, NULL, 0);
}

static inline uint64_t frame_of(void *page)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry;

    if (pread(fd, &entry, 8, (uintptr_t)page / PAGE * 8) != 8) {
        die("no page map: %s", strerror(errno));
    }
    close(fd);
    return (entry & ((1ULL << 55) - 1)) * PAGE;
}

/* Where each page of the VM is for this device, or 0 */
static inline void tables(Dev *d, uint64_t *frames)
{
    unsigned long long iova, size, address;
    char *at = ask("tables", d->name);

    memset(frames, 0, NR_PAGES * sizeof(*frames));
    if (*at++ != '"') {
        die("%s has no tables: %s", d->name, at - 1);
    }
    while (sscanf(at, "%llx+%llx=%llx", &iova, &size, &address) == 3) {
        for (uint64_t i = 0; i < size / PAGE; i++) {
            frames[(iova - RAM_GPA) / PAGE + i] = address + i * PAGE;
        }
        at = strchr(at, ',');
        if (!at) {
            return;
        }
        at += 2;
    }
    if (*at != '"') {
        die("%s has other tables: %s", d->name, at);
    }
}

/*
 * The device has these pages of guest_memfd and of shared memory, by page, and
 * nothing else. Pages of guest_memfd are where they were, and none of the VMM's.
 */
static inline void expect_map(const char *when, Dev *d, uint32_t private,
                              uint32_t shared)
{
    uint64_t frames[NR_PAGES], own;

    tables(d, frames);
    for (int i = 0; i < NR_PAGES; i++) {
        own = frame_of(vm.shared + i * PAGE);
        if (!((private | shared) & BIT(i))) {
            if (frames[i]) {
                die("%s: %s reaches page %d", when, d->name, i);
            }
            continue;
        }
        if (!frames[i] || (frames[i] == own) != !!(shared & BIT(i))) {
            die("%s: %s has page %d at 0x%llx, that of the VMM is at 0x%llx", when,
                d->name, i, (unsigned long long)frames[i],
                (unsigned long long)own);
        }
        if (shared & BIT(i)) {
            continue;
        }
        if (frame[i] && frame[i] != frames[i]) {
            die("%s: page %d has moved", when, i);
        }
        frame[i] = frames[i];
    }
}

static inline uint32_t reg(Dev *d, unsigned int offset)
{
    if (d == &dev[0] && running) {
        return guest_access(&vm, BAR_GPA + offset, false, 0);
    }
    return d->bar[offset / 4];
}

static inline void set_reg(Dev *d, unsigned int offset, uint32_t value)
{
    if (d == &dev[0] && running) {
        guest_access(&vm, BAR_GPA + offset, true, value);
    } else {
        d->bar[offset / 4] = value;
    }
}

static inline uint32_t open_reg(Dev *d, unsigned int offset)
{
    return d->bar[(TDI_TESTDEV_OPEN_PART + offset) / 4];
}

/* Fills a page with a pattern; returns how that ends. */
static inline uint32_t dma(Dev *d, int page, uint32_t pattern)
{
    uint64_t end = now_ns() + WAIT_NS, iova = RAM_GPA + page * PAGE;
    uint32_t status;

    set_reg(d, TDI_TESTDEV_DMA_IOVA_LO, iova);
    set_reg(d, TDI_TESTDEV_DMA_IOVA_HI, iova >> 32);
    set_reg(d, TDI_TESTDEV_DMA_LENGTH, PAGE);
    set_reg(d, TDI_TESTDEV_DMA_PATTERN, pattern);
    set_reg(d, TDI_TESTDEV_DMA_COMMAND, TDI_TESTDEV_DMA_FILL);
    do {
        status = reg(d, TDI_TESTDEV_DMA_STATUS);
        if (now_ns() > end) {
            die("DMA of %s does not end", d->name);
        }
    } while (status == TDI_TESTDEV_DMA_BUSY);
    return status;
}

/* The page is out of reach: the IOMMU says so, and nothing is written anywhere. */
static inline void expect_refused(const char *when, Dev *d, int page)
{
    uint32_t faults = open_reg(d, TDI_TESTDEV_OPEN_DMA_FAULTS);
    uint32_t own = *(volatile uint32_t *)(vm.shared + page * PAGE);
    uint32_t pattern = 0xdead0000 | page;
    uint32_t status = dma(d, page, pattern);

    if (status != TDI_TESTDEV_DMA_BUS_ERROR ||
        open_reg(d, TDI_TESTDEV_OPEN_DMA_FAULTS) == faults ||
        open_reg(d, TDI_TESTDEV_OPEN_FAULT_LO) != RAM_GPA + page * PAGE) {
        die("%s: DMA of %s to page %d ends with %u, %u faults, the last at 0x%x",
            when, d->name, page, status,
            open_reg(d, TDI_TESTDEV_OPEN_DMA_FAULTS) - faults,
            open_reg(d, TDI_TESTDEV_OPEN_FAULT_LO));
    }
    if (*(volatile uint32_t *)(vm.shared + page * PAGE) != own) {
        die("%s: shared page %d has changed", when, page);
    }
    if (page == AT && frame[page] && word_at(frame[page]) != word[page]) {
        die("%s: private page %d has changed", when, page);
    }
}

/* The page is in reach, and it is this one that is written to. */
static inline void expect_reached(const char *when, Dev *d, int page,
                                  bool private)
{
    volatile uint32_t *own = (void *)(vm.shared + page * PAGE);
    uint32_t before = *own, pattern = 0xb0000000 | (now_ns() & 0xffffff);
    uint32_t status = dma(d, page, pattern);

    if (status != TDI_TESTDEV_DMA_OK) {
        die("%s: DMA of %s to page %d ends with %u", when, d->name, page, status);
    }
    if (*own != (private ? before : pattern)) {
        die("%s: shared page %d has 0x%x", when, page, *own);
    }
    if (private) {
        word[page] = pattern;
    }
    if (page == AT && frame[page] && word_at(frame[page]) != word[page]) {
        die("%s: private page %d is not what it was", when, page);
    }
    if (guest_access(&vm, RAM_GPA + page * PAGE, false, 0) != pattern) {
        die("%s: the guest does not see DMA to page %d", when, page);
    }
}

/* The TDI reaches these pages, the other device what is shared, and no more. */
static inline void check(const char *when, uint32_t private, uint32_t shared)
{
    expect_map(when, &dev[0], private, shared);
    expect_map(when, &dev[1], 0, shared);
    for (unsigned int i = 0; i < ARRAY_SIZE(tried); i++) {
        int page = tried[i];

        if ((private | shared) & BIT(page)) {
            expect_reached(when, &dev[0], page, private & BIT(page));
        } else {
            expect_refused(when, &dev[0], page);
        }
        if (shared & BIT(page)) {
            expect_reached(when, &dev[1], page, false);
        } else {
            expect_refused(when, &dev[1], page);
        }
    }
}

#endif
