/*
 * QTest of private device assignment on a simulated host: conversion
 *
 * Of a device that is no TDI, as there is no TSM: the guest converts at will.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include "qemu/host-utils.h"
#include "vfio-private-sim.h"

#define PRIVATE KVM_MEMORY_ATTRIBUTE_PRIVATE
#define PIECE (SIM_BAR2 + 0x40000)
#define PIECE_SIZE 0x10000ULL
#define PIECE_END (PIECE + PIECE_SIZE)

static void sim_start_free(SimHost *host)
{
    sim_fail(host, "VIOMMU_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    g_assert_cmpuint(sim_count(host, 0, "VDEVICE_ALLOC"), ==, 0);
}

/* The one such call since @from */
static unsigned int sim_only(SimHost *host, unsigned int from,
                             const char *name, uint64_t arg0, uint64_t arg1)
{
    unsigned int at = sim_find(host, from, name);

    g_assert_cmpuint(sim_count(host, from, name), ==, 1);
    g_assert_cmphex(sim_event(host, at)->args[0], ==, arg0);
    g_assert_cmphex(sim_event(host, at)->args[1], ==, arg1);
    return at;
}

static void check_attribute(SimHost *host, unsigned int at, uint64_t value)
{
    g_assert_cmphex(sim_event(host, at)->args[2], ==, value);
}

/* One call of KVM, with the IOMMU out of the way; and back. */
static void test_whole(SimHost *host)
{
    unsigned int from, set;

    sim_start_free(host);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    set = sim_only(host, from, "SET_ATTRIBUTES", SIM_BAR2, SIM_BAR2_SIZE);
    check_attribute(host, set, PRIVATE);
    g_assert_cmpuint(sim_only(host, from, "UNMAP", SIM_BAR2, SIM_BAR2_SIZE), <,
                     set);
    /* A large BAR would take its time, and its first access does not. */
    g_assert_cmpuint(sim_count(host, from, "PRE_FAULT"), ==, 0);

    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    sim_nothing(host, from);

    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    set = sim_only(host, from, "SET_ATTRIBUTES", SIM_BAR2, SIM_BAR2_SIZE);
    check_attribute(host, set, 0);
    g_assert_cmpuint(sim_only(host, from, "MAP_FILE", SIM_BAR2, SIM_BAR2_SIZE),
                     >, set);
    g_assert_cmpuint(sim_count(host, from, "SET_MEMORY_REGION"), ==, 0);
}

/* What remains shared of it is mapped again, the closer the smaller. */
static void test_piece(SimHost *host)
{
    unsigned int from, set, left, right;

    sim_start_free(host);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, PIECE, PIECE_SIZE, true), ==, 0);
    set = sim_only(host, from, "SET_ATTRIBUTES", PIECE, PIECE_SIZE);
    sim_only(host, from, "UNMAP", SIM_BAR2, SIM_BAR2_SIZE);
    left = sim_find_args(host, from, "MAP_FILE", SIM_BAR2, PIECE - SIM_BAR2);
    right = sim_find_args(host, from, "MAP_FILE", PIECE_END, PIECE_SIZE);
    g_assert_cmpuint(left, <, set);
    g_assert_cmpuint(right, <, set);
    g_assert_cmphex(sim_event(host, left)->args[3], ==, 0);
    g_assert_cmphex(sim_event(host, right)->args[3], ==, PIECE_END - SIM_BAR2);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 4);

    /* All of it: the piece was that already, and KVM gets one range. */
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    sim_only(host, from, "SET_ATTRIBUTES", SIM_BAR2, SIM_BAR2_SIZE);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 4);
}

/* Of several mappings the second one stays: the first one comes back. */
static void test_piece_stays(SimHost *host)
{
    unsigned int from, unmap;
    const SimEvent *first;

    sim_start_free(host);
    g_assert_cmphex(sim_convert(host, PIECE, PIECE_SIZE, true), ==, 0);
    g_assert_cmphex(sim_convert(host, PIECE, PIECE_SIZE, false), ==, 0);
    from = sim_now(host);
    sim_fail(host, "UNMAP", 2, EINVAL);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 2);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    unmap = sim_find(host, from, "UNMAP");
    first = sim_event(host, unmap);
    sim_only(host, unmap, "MAP_FILE", first->args[0], first->args[1]);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
}

/* The last of several slices fails: those before are what they were. */
static void test_second_slice_fails(SimHost *host)
{
    const uint64_t bar0 = SIM_BAR2 - SIM_BAR0_SIZE;
    const uint64_t tail = bar0 + SIM_MSIX_END;
    unsigned int from, set, back;

    sim_start_free(host);
    sim_command(host, 0);
    sim_config_write(host, 0x10, bar0);
    sim_command(host, 6);
    from = sim_now(host);
    sim_expect(host, "dev0 BAR 2 fd[0x0]: KVM does not turn 0xe0100000 + "
               "0x100000 private: Cannot allocate memory");
    sim_fail(host, "SET_ATTRIBUTES", 2, ENOMEM);
    g_assert_cmphex(sim_convert(host, tail, SIM_BAR2 + SIM_BAR2_SIZE - tail,
                                true), ==, sim_convert_refused(host));
    set = sim_find(host, from, "SET_ATTRIBUTES");
    g_assert_cmphex(sim_event(host, set)->args[0], ==, tail);
    check_attribute(host, set, PRIVATE);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 3);
    back = sim_find_args(host, set + 1, "SET_ATTRIBUTES", tail,
                         SIM_BAR2 - tail);
    check_attribute(host, back, 0);
    g_assert_cmpuint(sim_find_args(host, back, "MAP_FILE", tail,
                                   SIM_BAR2 - tail), !=, UINT_MAX);
}

/* What KVM and the IOMMU have of it on either side of a ROM in its middle */
static void test_covered(SimHost *host)
{
    const uint64_t right = PIECE + SIM_ROM_SIZE;
    const uint64_t right_size = SIM_BAR2 + SIM_BAR2_SIZE - right;
    unsigned int from, left, slot, map;

    sim_start_free(host);
    from = sim_now(host);
    sim_config_write(host, 0x30, PIECE | 1);
    left = sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                         PIECE - SIM_BAR2);
    slot = sim_find_args(host, from, "SET_MEMORY_REGION", right, right_size);
    map = sim_find_args(host, from, "MAP_FILE", right, right_size);
    g_assert_cmphex(sim_event(host, left)->args[4], ==, 0);
    g_assert_cmphex(sim_event(host, slot)->args[4], ==, right - SIM_BAR2);
    g_assert_cmphex(sim_event(host, map)->args[3], ==, right - SIM_BAR2);
}

/* What could not be mapped is not mapped in part, but as a whole, once. */
static void test_unmapped(SimHost *host)
{
    unsigned int from;

    sim_start_free(host);
    sim_command(host, 0);
    sim_expect(host, "cannot be mapped for DMA: Cannot allocate memory; other "
               "devices cannot reach it");
    sim_fail(host, "MAP_FILE", 3, ENOMEM);
    from = sim_now(host);
    sim_command(host, 6);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 3);
    g_assert_cmpint(sim_event(host, sim_find_args(host, from, "MAP_FILE",
                                                  SIM_BAR2,
                                                  SIM_BAR2_SIZE))->ret, ==,
                    -ENOMEM);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, PIECE, PIECE_SIZE, true), ==, 0);
    g_assert_cmphex(sim_convert(host, PIECE, PIECE_SIZE, false), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    sim_command(host, 0);
    sim_command(host, 6);
    sim_only(host, sim_find(host, from, "MAP_FILE") + 2, "MAP_FILE", SIM_BAR2,
             SIM_BAR2_SIZE);
}

static uint64_t bytes_mapped(SimHost *host, unsigned int from)
{
    uint64_t bytes = 0;

    for (; from < sim_now(host); from++) {
        if (!strcmp(sim_event(host, from)->name, "MAP_FILE")) {
            bytes += sim_event(host, from)->args[1];
        }
    }
    return bytes;
}

/*
 * As KVM hands on what a TDX guest wants of a large BAR: piece by piece.  All
 * together that does not map the rest again each time, from whichever end.
 */
static void test_pieces(SimHost *host)
{
    const int pieces = SIM_BAR2_SIZE / PIECE_SIZE;
    unsigned int from;
    int i, log2 = ctz32(pieces);
    bool up = true;

    QEMU_BUILD_BUG_ON(SIM_BAR2_SIZE % PIECE_SIZE);
    sim_start_free(host);
    do {
        from = sim_now(host);
        for (i = 0; i < pieces; i++) {
            uint64_t gpa = SIM_BAR2 + (up ? i : pieces - 1 - i) * PIECE_SIZE;

            g_assert_cmphex(sim_convert(host, gpa, PIECE_SIZE, true), ==, 0);
        }
        g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, pieces);
        g_assert_cmphex(bytes_mapped(host, from), <=,
                        log2 * SIM_BAR2_SIZE / 2);
        g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==,
                        0);
        up = !up;
    } while (!up);
}

/* Each failure leaves all as it was, and the next attempt succeeds. */
static void test_to_private_fails(SimHost *host)
{
    unsigned int from;

    sim_start_free(host);
    from = sim_now(host);
    sim_fail(host, "UNMAP", 1, EINVAL);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);

    from = sim_now(host);
    sim_expect(host, "dev0 BAR 2 fd[0x0]: KVM does not turn 0xe0100000 + "
               "0x100000 private: Cannot allocate memory");
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "MAP_FILE", NULL);
    sim_only(host, from, "MAP_FILE", SIM_BAR2, SIM_BAR2_SIZE);

    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", NULL);
}

static void test_to_shared_fails(SimHost *host)
{
    unsigned int from;

    sim_start_free(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    from = sim_now(host);
    sim_expect(host, "dev0 BAR 2 fd[0x0]: KVM does not turn 0xe0100000 + "
               "0x100000 shared: Cannot allocate memory");
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==,
                    sim_convert_refused(host));
    /* What may still be private is not mapped. */
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);

    /* DMA of others to it is a convenience. */
    sim_expect(host, "dev0 BAR 2 fd[0x0]: cannot be mapped for DMA: Cannot "
               "allocate memory; other devices cannot reach it");
    sim_fail(host, "MAP_FILE", 1, ENOMEM);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 0);
}

/* Not yet, says KVM: the guest is to try again, and nobody is told of it. */
static void test_busy(SimHost *host)
{
    unsigned int from;

    sim_start_free(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    from = sim_now(host);
    sim_fail(host, "SET_ATTRIBUTES", 1, EBUSY);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==,
                    sim_convert_busy(host));
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    from = sim_now(host);
    sim_fail(host, "SET_ATTRIBUTES", 1, EBUSY);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_busy(host));
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "MAP_FILE", NULL);
}

/* A guest's mistake is not the end of the VM. */
static void test_nonsense(SimHost *host)
{
    static const struct {
        uint64_t gpa, size;
    } ranges[] = {
        { SIM_BAR0, SIM_BAR0_SIZE },                    /* MSI-X */
        { SIM_BAR2, SIM_BAR2_SIZE + 4096 },             /* a hole */
        { SIM_BAR2 - 4096, 2 * 4096 },
        { SIM_BAR2 + 1, 4096 },
        { SIM_BAR2, 0 },
        { 0x3ff000, 0x2000 },                           /* end of RAM */
        { 0x9000000000ULL, 4096 },
        { UINT64_MAX - 4095, 4096 },
        { UINT64_MAX - 4095, 8192 },
    };
    unsigned int from;
    int i;

    sim_start_free(host);
    from = sim_now(host);
    for (i = 0; i < ARRAY_SIZE(ranges); i++) {
        g_test_message("0x%" PRIx64 " + 0x%" PRIx64, ranges[i].gpa,
                       ranges[i].size);
        g_assert_cmphex(sim_convert(host, ranges[i].gpa, ranges[i].size, true),
                        ==, sim_convert_refused(host));
    }
    sim_nothing(host, from);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
}

/* What appears at the address next is to start shared. */
static void test_decode_off(SimHost *host)
{
    unsigned int from, set, slot;

    sim_start_free(host);
    g_assert_cmphex(sim_convert(host, PIECE, PIECE_SIZE, true), ==, 0);
    from = sim_now(host);
    sim_command(host, 0);
    slot = sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2, 0);
    set = sim_find(host, from, "SET_ATTRIBUTES");
    g_assert_cmphex(sim_event(host, set)->args[0], ==, SIM_BAR2);
    check_attribute(host, set, 0);
    g_assert_cmpuint(set, <, slot);
    sim_command(host, 6);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    sim_nothing(host, from);
}

/*
 * KVM keeps the frames private; the BAR leaves them, and is shared wherever it
 * is next.
 */
static void test_decode_off_fails(SimHost *host)
{
    const uint64_t moved = SIM_BAR2 + 4 * SIM_BAR2_SIZE;
    unsigned int from;

    sim_start_free(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    sim_expect(host, "dev0 BAR 2 fd[0x0]: KVM does not turn 0xe0100000 + "
               "0x100000 shared: Cannot allocate memory");
    sim_expect(host, "dev0 BAR 2 fd[0x0]: 0xe0100000 stays private: Cannot "
               "allocate memory");
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    sim_command(host, 0);

    from = sim_now(host);
    sim_config_write(host, 0x18, moved);
    sim_command(host, 6);
    g_assert_cmpuint(sim_find_args(host, from, "MAP_FILE", moved,
                                   SIM_BAR2_SIZE), !=, UINT_MAX);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, moved, SIM_BAR2_SIZE, true), ==, 0);
    check_attribute(host, sim_only(host, from, "SET_ATTRIBUTES", moved,
                                   SIM_BAR2_SIZE), PRIVATE);
}

/* RAM, which the IOMMU maps in small pieces */
static void test_ram(SimHost *host)
{
    unsigned int from;

    sim_start_free(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 4 * 4096, false), ==, 0);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 4 * 4096, true), ==, 0);
    check_attribute(host, sim_only(host, from, "SET_ATTRIBUTES", SIM_BUFFER,
                                   4 * 4096), PRIVATE);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), >, 0);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 4 * 4096, false), ==, 0);
    check_attribute(host, sim_only(host, from, "SET_ATTRIBUTES", SIM_BUFFER,
                                   4 * 4096), 0);
    sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", NULL);
    from = sim_now(host);
    sim_expect(host, "failed to set memory (0x200000+0x1000) with attr 0x8 "
               "error 'Invalid argument'");
    sim_fail(host, "SET_ATTRIBUTES", 1, EINVAL);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 4096, true), ==,
                    sim_convert_refused(host));
}

/* KVM says that an access has met the other view. */
static void test_memory_fault(SimHost *host)
{
    const uint64_t args[SIM_EXIT_ARGS] = {
        PIECE, 4096, KVM_MEMORY_EXIT_FLAG_PRIVATE,
    };
    unsigned int from;

    sim_start_free(host);
    from = sim_now(host);
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    if (host->tdx) {
        check_attribute(host, sim_only(host, from, "SET_ATTRIBUTES", PIECE,
                                       4096), PRIVATE);
    } else {
        /* It has one view: the access is made again. */
        sim_nothing(host, from);
    }
}

static const SimTest tests[] = {
    { "refuses/nonsense", test_nonsense },
    { "whole", test_whole },
    { "piece", test_piece },
    { "piece-stays", test_piece_stays },
    { "second-slice-fails", test_second_slice_fails },
    { "covered", test_covered },
    { "pieces", test_pieces },
    { "unmapped", test_unmapped },
    { "to-private-fails", test_to_private_fails },
    { "to-shared-fails", test_to_shared_fails },
    { "busy", test_busy },
    { "decode-off", test_decode_off },
    { "decode-off-fails", test_decode_off_fails },
    { "ram", test_ram },
    { "memory-fault", test_memory_fault },
};

void sim_test_add_convert(void)
{
    sim_add_tests("convert", tests, ARRAY_SIZE(tests));
}
