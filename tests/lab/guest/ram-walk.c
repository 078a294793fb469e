/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ram-walk - RAM that nobody else uses, converted at random, and what a device
 * reaches of it.
 *
 *   ram-walk BDF GPA MIB walk STEPS SEED   ranges of random length turn private or
 *                                          shared; pages have what was written to
 *                                          them since, and DMA of the tdi-testdev
 *                                          reaches those that are shared
 *   ram-walk BDF GPA MIB tdi STEPS SEED    the same, while the device is locked,
 *                                          started, given DMA to private memory, and
 *                                          unlocked; LAB_TSM is the guest's TSM
 *   ram-walk BDF GPA MIB cuts COUNT        pages turn private and back while the
 *                                          device goes on with what is left and
 *                                          right of them
 *   ram-walk BDF GPA MIB times COUNT       prints what conversions cost, in ns:
 *                                          "NAME to-private to-shared"; random pages
 *                                          until COUNT were converted, the first and
 *                                          the last thousand by themselves
 *   ram-walk BDF GPA MIB checkered|shared|private   leaves it like that
 *
 * Leaves with 0 if all was right. Needs /dev/tdi-lab and /dev/mem. With LAB_KEEPS in
 * the environment, shared memory may keep what was in it while it was private.
 */
#include <stdbool.h>
#include <sys/ioctl.h>

#include "tdcm.h"
#include "tdi-testdev.h"

#define PAGE 4096
#define WORDS (PAGE / 4)
#define WAIT_NS 60000000000ULL
#define THOUSAND 1000
#define TDCM_ENABLE_DMA 0x80
#define TDCM_DISABLE_DMA 0x81

static volatile uint32_t *regs;
static volatile uint32_t *ram;
static uint64_t ram_gpa, nr_pages;
static int lab_fd;

/* What the device is, which says what it reaches */
typedef enum TdiState {
    TDI_UNLOCKED,       /* shared memory */
    TDI_LOCKED,         /* nothing, nor can it be told anything */
    TDI_RUN,            /* shared memory */
    TDI_RUN_DMA,        /* both */
} TdiState;

static TdiState tdi_state;
static unsigned int tdi_changes[TDI_RUN_DMA + 1];

/* Of each page: is it private, and what was written to it last; 0: nothing */
static bool *is_private;
static uint32_t *salt;

static uint64_t pick(uint64_t count)
{
    return (((uint64_t)random() << 31) ^ random()) % count;
}

static int64_t convert(uint64_t first, uint64_t count, bool to_private)
{
    struct tdi_lab_map_gpa call = {
        .gpa = ram_gpa + first * PAGE,
        .pages = count,
        .attributes = to_private ? TDI_LAB_PRIVATE : TDI_LAB_SHARED,
    };

    if (ioctl(lab_fd, TDI_LAB_MAP_GPA, &call)) {
        die("ioctl on %s: %s", TDI_LAB_DEVICE, strerror(errno));
    }
    return call.result;
}

static void convert_ok(uint64_t first, uint64_t count, bool to_private)
{
    int64_t result = convert(first, count, to_private);

    if (result) {
        die("pages %llu + %llu do not turn %s: %lld", (unsigned long long)first,
            (unsigned long long)count, to_private ? "private" : "shared",
            (long long)result);
    }
}

static void dma_start(uint32_t command, uint64_t first, uint64_t count,
                      uint32_t pattern)
{
    uint64_t iova = ram_gpa + first * PAGE;

    regs[TDI_TESTDEV_DMA_IOVA_LO / 4] = iova;
    regs[TDI_TESTDEV_DMA_IOVA_HI / 4] = iova >> 32;
    regs[TDI_TESTDEV_DMA_OFFSET_LO / 4] = 0;
    regs[TDI_TESTDEV_DMA_OFFSET_HI / 4] = 0;
    regs[TDI_TESTDEV_DMA_LENGTH / 4] = count * PAGE;
    regs[TDI_TESTDEV_DMA_PATTERN / 4] = pattern;
    regs[TDI_TESTDEV_DMA_COMMAND / 4] = command;
}

static uint32_t dma_status(void)
{
    return regs[TDI_TESTDEV_DMA_STATUS / 4];
}

static uint32_t dma(uint32_t command, uint64_t first, uint64_t count,
                    uint32_t pattern)
{
    uint64_t end = now_ns() + WAIT_NS;
    uint32_t status;

    dma_start(command, first, count, pattern);
    while ((status = dma_status()) == TDI_TESTDEV_DMA_BUSY) {
        if (now_ns() > end) {
            die("DMA operation %u does not end", command);
        }
    }
    return status;
}

static void page_check(uint64_t page, const char *when)
{
    static const unsigned int words[] = { 0, 1, WORDS / 2, WORDS - 1 };

    for (unsigned int i = 0; i < ARRAY_SIZE(words); i++) {
        uint32_t found = ram[page * WORDS + words[i]];

        if (found != salt[page]) {
            die("%s: page %llu (%s) has 0x%08x in word %u, not 0x%08x", when,
                (unsigned long long)page,
                is_private[page] ? "private" : "shared", found, words[i],
                salt[page]);
        }
    }
}

static void page_fill(uint64_t page, uint32_t value)
{
    for (unsigned int i = 0; i < WORDS; i++) {
        ram[page * WORDS + i] = value;
    }
    salt[page] = value;
}

static void step_convert(void)
{
    uint64_t most = pick(4) ? 16 : nr_pages;
    uint64_t first = pick(nr_pages);
    uint64_t count = 1 + pick(most);
    bool to_private = pick(2);

    count = count < nr_pages - first ? count : nr_pages - first;
    convert_ok(first, count, to_private);
    for (uint64_t i = first; i < first + count; i++) {
        if (is_private[i] != to_private) {
            is_private[i] = to_private;
            salt[i] = 0;
            if (getenv("LAB_KEEPS")) {
                page_fill(i, 0);
            }
        }
    }
    page_check(first, "converted");
    page_check(first + count - 1, "converted");
}

/* What is private is out of the device's reach, unless the guest has let it. */
static void step_dma(void)
{
    uint64_t page = pick(nr_pages);
    uint32_t value = random() | 1;
    bool reaches = !is_private[page] || tdi_state == TDI_RUN_DMA;
    uint32_t status = dma(TDI_TESTDEV_DMA_FILL, page, 1, value);

    if (tdi_state == TDI_LOCKED) {
        reaches = false;
        if (status != UINT32_MAX) {
            die("a locked device says %u", status);
        }
    } else if (status != (reaches ? TDI_TESTDEV_DMA_OK :
                                    TDI_TESTDEV_DMA_BUS_ERROR)) {
        die("DMA to page %llu, which is %s, ends with status %u in state %d",
            (unsigned long long)page, is_private[page] ? "private" : "shared",
            status, tdi_state);
    }
    if (reaches) {
        salt[page] = value;
    }
    page_check(page, "after DMA");
}

static void tsm_write(const char *bdf, const char *attribute, const char *value)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/tsm/%s", bdf,
             attribute);
    fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, value, strlen(value)) < 0) {
        die("%s to %s in state %d: %s", value, path, tdi_state,
            strerror(errno));
    }
    close(fd);
}

static void tdi_dma(const char *bdf, bool on)
{
    Tdcm reply = tdcm_request(lab_fd, bdf,
                              on ? TDCM_ENABLE_DMA : TDCM_DISABLE_DMA, 0);
    uint64_t end = now_ns() + WAIT_NS;

    while (!reply.result && !reply.buffer[8] && now_ns() < end) {
        usleep(1000);
    }
    if (reply.result || reply.buffer[8] != 1) {
        die("DMA to private memory cannot be turned %s: %lld %u %u",
            on ? "on" : "off", (long long)reply.result, reply.buffer[8],
            reply.buffer[9]);
    }
}

/* The kernel switches a device off that it unlocks. */
static void enable(const char *bdf)
{
    const uint16_t command = 6;
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
    fd = open(path, O_WRONLY);
    if (fd < 0 || pwrite(fd, &command, sizeof(command), 4) != sizeof(command)) {
        die("%s: %s", path, strerror(errno));
    }
    close(fd);
}

/* One step onwards, or back to the beginning */
static void step_tdi(const char *bdf)
{
    const char *tsm = getenv("LAB_TSM");

    if (tdi_state != TDI_UNLOCKED && !pick(4)) {
        tsm_write(bdf, "unlock", tsm);
        enable(bdf);
        tdi_state = TDI_UNLOCKED;
    } else if (tdi_state == TDI_UNLOCKED) {
        tsm_write(bdf, "lock", tsm);
        tdi_state = TDI_LOCKED;
    } else if (tdi_state == TDI_LOCKED) {
        tsm_write(bdf, "accept", "1");
        tdi_state = TDI_RUN;
    } else {
        tdi_dma(bdf, tdi_state == TDI_RUN);
        tdi_state = tdi_state == TDI_RUN ? TDI_RUN_DMA : TDI_RUN;
    }
    tdi_changes[tdi_state]++;
}

static void walk(uint64_t steps, const char *tdi)
{
    uint64_t page;

    for (uint64_t i = 0; i < steps; i++) {
        if (tdi && !pick(8)) {
            step_tdi(tdi);
        }
        step_convert();
        page = pick(nr_pages);
        page_check(page, "some page");
        page_fill(page, random() | 1);
        step_dma();
        /* More than there is turns neither way, and changes nothing. */
        if (i % 64 == 0 && convert(nr_pages - 1, 1ULL << 30, pick(2)) == 0) {
            die("a range beyond the end of RAM converts");
        }
    }
    for (page = 0; page < nr_pages; page++) {
        page_check(page, "at the end");
    }
    if (tdi) {
        printf("%llu steps: %u times locked, %u started, %u with private DMA\n",
               (unsigned long long)steps, tdi_changes[TDI_LOCKED],
               tdi_changes[TDI_RUN], tdi_changes[TDI_RUN_DMA]);
    }
}

/* One transfer after the other, left and right; each has to reach all of it. */
static uint64_t dma_next(uint64_t nr, uint64_t left, uint64_t right)
{
    uint32_t status = dma_status();

    if (status == TDI_TESTDEV_DMA_BUSY) {
        return nr;
    }
    if (nr && status != TDI_TESTDEV_DMA_OK) {
        die("transfer %llu beside the conversions ends with status %u at byte %u",
            (unsigned long long)nr, status, regs[TDI_TESTDEV_DMA_COUNT / 4]);
    }
    dma_start(TDI_TESTDEV_DMA_FILL, nr % 2 ? right : 0,
              nr % 2 ? nr_pages - right : left, nr + 1);
    return nr + 1;
}

static void cuts(uint64_t count)
{
    uint64_t left = nr_pages / 4, right = nr_pages - nr_pages / 4;
    uint64_t transfers = 0, page, i;

    for (i = 0; i < count; i++) {
        transfers = dma_next(transfers, left, right);
        page = left + pick(right - left);
        convert_ok(page, 1, !is_private[page]);
        is_private[page] = !is_private[page];
    }
    while (dma_status() == TDI_TESTDEV_DMA_BUSY) {
        /* the last one */
    }
    dma_next(transfers, left, right);
    printf("%llu conversions beside %llu transfers\n", (unsigned long long)count,
           (unsigned long long)transfers);
    if (transfers < 4) {
        die("%llu transfers are too few to say anything",
            (unsigned long long)transfers);
    }
}

static uint64_t time_one(uint64_t first, uint64_t count, bool to_private)
{
    uint64_t began = now_ns();

    convert_ok(first, count, to_private);
    return now_ns() - began;
}

static void times_of(const char *name, uint64_t count, unsigned int rounds)
{
    uint64_t there = 0, back = 0;

    for (unsigned int i = 0; i < rounds; i++) {
        there += time_one(0, count, true);
        back += time_one(0, count, false);
    }
    printf("%s %llu %llu\n", name, (unsigned long long)(there / rounds),
           (unsigned long long)(back / rounds));
}

/* Random pages change their view, so that runs become ever shorter. */
static void times(uint64_t count)
{
    uint64_t sum = 0, first = 0, page;

    times_of("4k", 1, 200);
    times_of("2m", 512, 20);
    times_of("all", nr_pages, 2);
    for (uint64_t i = 0; i < count; i++) {
        page = pick(nr_pages);
        is_private[page] = !is_private[page];
        sum += time_one(page, 1, is_private[page]);
        if (i % THOUSAND == THOUSAND - 1) {
            first = first ? first : sum / THOUSAND;
            if (i + 1 == count) {
                printf("random %llu %llu\n", (unsigned long long)first,
                       (unsigned long long)(sum / THOUSAND));
            }
            sum = 0;
        }
    }
    convert_ok(0, nr_pages, false);
}

static void checkered(void)
{
    for (uint64_t page = 0; page < nr_pages; page += 2) {
        convert_ok(page, 1, true);
    }
}

static void open_all(const char *bdf)
{
    int fd = open("/dev/mem", O_RDWR);

    lab_fd = open(TDI_LAB_DEVICE, O_RDWR);
    ram = mmap(NULL, nr_pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
               ram_gpa);
    if (lab_fd < 0 || ram == MAP_FAILED) {
        die("no %s, or no RAM at 0x%llx: %s", TDI_LAB_DEVICE,
            (unsigned long long)ram_gpa, strerror(errno));
    }
    is_private = calloc(nr_pages, sizeof(*is_private));
    salt = calloc(nr_pages, sizeof(*salt));
    if (strcmp(bdf, "none")) {
        regs = bar_map(bdf, 0);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 4 ? argv[4] : "";

    if (argc < 5) {
        die("usage: ram-walk BDF GPA MIB walk|tdi|cuts|times|checkered|shared|private "
            "[COUNT [SEED]]");
    }
    ram_gpa = number(argv[2]);
    nr_pages = number(argv[3]) * 256;
    srandom(argc > 6 ? number(argv[6]) : 1);
    open_all(argv[1]);
    if (!strcmp(what, "walk") && argc > 5) {
        walk(number(argv[5]), NULL);
    } else if (!strcmp(what, "tdi") && argc > 5) {
        walk(number(argv[5]), argv[1]);
    } else if (!strcmp(what, "cuts") && argc > 5) {
        cuts(number(argv[5]));
    } else if (!strcmp(what, "times") && argc > 5) {
        times(number(argv[5]));
    } else if (!strcmp(what, "checkered")) {
        checkered();
    } else if (!strcmp(what, "shared") || !strcmp(what, "private")) {
        convert_ok(0, nr_pages, *what == 'p');
    } else {
        die("ram-walk: unknown words");
    }
    return 0;
}
