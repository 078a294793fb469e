/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mmio-bench COUNT BDF... - what one 4-byte read of each device's BAR 0 costs.
 *
 * Prints picoseconds per read, one figure a device: the best of 200 rounds of
 * COUNT reads each. The devices take turns within a round, so that whatever else
 * the machine does meets all of them alike. The first read of each, which may
 * have to populate a mapping, is not measured.
 */
#include "lab.h"

#define ROUNDS 200
#define DEVICES 8

static uint64_t measure(volatile uint32_t *reg, uint64_t count)
{
    uint64_t start = now_ns();

    for (uint64_t i = 0; i < count; i++) {
        (void)*reg;
    }
    return now_ns() - start;
}

int main(int argc, char **argv)
{
    volatile uint32_t *reg[DEVICES];
    uint64_t best[DEVICES], count;
    int devices = argc - 2;

    if (devices < 1 || devices > DEVICES) {
        die("usage: mmio-bench COUNT BDF...");
    }
    count = number(argv[1]);
    for (int i = 0; i < devices; i++) {
        reg[i] = bar_map(argv[i + 2], 0);
        best[i] = UINT64_MAX;
        (void)*reg[i];
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < devices; i++) {
            uint64_t spent = measure(reg[i], count);

            if (spent < best[i]) {
                best[i] = spent;
            }
        }
    }
    for (int i = 0; i < devices; i++) {
        printf("%llu\n", (unsigned long long)(best[i] * 1000 / count));
    }
    return 0;
}
