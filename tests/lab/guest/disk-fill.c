/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk-fill DEVICE MIB - writes a disk's first MIB and reads them back.
 *
 * The bytes come from a generator with a fresh seed, so that nothing an earlier
 * run left behind can pass for them. Both directions go past the page cache:
 * what is compared has been through the disk's DMA engine twice.
 */
#define _GNU_SOURCE
#include <sys/random.h>

#include "lab.h"

#define CHUNK (1 << 20)

/* xorshift64*: any constant fault of a transfer shows, at no cost to speak of. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

static void fill(uint64_t *chunk, uint64_t *state)
{
    for (size_t i = 0; i < CHUNK / 8; i++) {
        chunk[i] = next(state);
    }
}

static uint64_t *buffer(void)
{
    void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (chunk == MAP_FAILED) {
        die("no memory for a buffer");
    }
    return chunk;
}

int main(int argc, char **argv)
{
    uint64_t seed, state, mib;
    uint64_t *expected = buffer(), *found = buffer();
    int fd;

    if (argc != 3) {
        die("usage: disk-fill DEVICE MIB");
    }
    mib = number(argv[2]);
    fd = open(argv[1], O_RDWR | O_DIRECT);
    if (fd < 0 || getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
        die("cannot open %s: %s", argv[1], strerror(errno));
    }
    seed |= 1;
    state = seed;
    for (uint64_t i = 0; i < mib; i++) {
        fill(expected, &state);
        if (pwrite(fd, expected, CHUNK, i * CHUNK) != CHUNK) {
            die("writing MiB %llu: %s", (unsigned long long)i, strerror(errno));
        }
    }
    if (fsync(fd)) {
        die("flushing %s: %s", argv[1], strerror(errno));
    }
    state = seed;
    for (uint64_t i = 0; i < mib; i++) {
        fill(expected, &state);
        if (pread(fd, found, CHUNK, i * CHUNK) != CHUNK) {
            die("reading MiB %llu: %s", (unsigned long long)i, strerror(errno));
        }
        if (memcmp(expected, found, CHUNK)) {
            die("MiB %llu comes back changed", (unsigned long long)i);
        }
    }
    return 0;
}
