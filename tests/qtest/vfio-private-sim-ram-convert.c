/*
 * QTest of private device assignment on a simulated host: conversion of RAM
 *
 * A range converts as a whole or not at all, in one order, whatever fails.
 * KVM, the IOMMU and QEMU's own record say the same after each step: the test
 * keeps track of the first two by the log, and asks the third for what it
 * would do.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/iommufd.h>
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

#define PAGE 4096
#define PRIVATE KVM_MEMORY_ATTRIBUTE_PRIVATE
/* What the walk converts: RAM above the holes of a PC */
#define FIRST (0x100000 / PAGE)
#define PAGES (0x400000 / PAGE)
#define STEPS 300
#define NR_RUNS 4

/* What the log says of RAM */
typedef struct Views {
    unsigned int at;
    bool is_private[PAGES];
    bool mapped[PAGES];
} Views;

static void views_mark(bool *pages, const SimEvent *event, bool value)
{
    uint64_t page = event->args[0] / PAGE;
    uint64_t end = page + event->args[1] / PAGE;

    for (; page < MIN(end, PAGES); page++) {
        pages[page] = value;
    }
}

/* What is private is never mapped, not even for a moment. */
static void views_check_apart(Views *views)
{
    int i;

    for (i = FIRST; i < PAGES; i++) {
        g_assert_false(views->is_private[i] && views->mapped[i]);
    }
}

static void views_follow(Views *views, SimHost *host)
{
    for (; views->at < sim_now(host); views->at++) {
        const SimEvent *event = sim_event(host, views->at);

        if (event->ret < 0) {
            continue;
        }
        if (!strcmp(event->name, "SET_ATTRIBUTES")) {
            views_mark(views->is_private, event, event->args[2] == PRIVATE);
        } else if (g_str_has_prefix(event->name, "MAP")) {
            views_mark(views->mapped, event, true);
        } else if (!strcmp(event->name, "UNMAP")) {
            views_mark(views->mapped, event, false);
        } else {
            continue;
        }
        views_check_apart(views);
    }
}

/* Everything is in one view and not in the other. */
static void views_check(Views *views, SimHost *host)
{
    int i;

    views_follow(views, host);
    for (i = FIRST; i < PAGES; i++) {
        if (views->mapped[i] == views->is_private[i]) {
            sim_dump(host, 0);
            g_test_message("page 0x%x: private %d, mapped %d", i,
                           views->is_private[i], views->mapped[i]);
            g_assert_not_reached();
        }
    }
}

/* To convert to what it is already takes no call. */
static void check_record(Views *views, SimHost *host, uint64_t page)
{
    unsigned int from = sim_now(host);
    unsigned int at;

    g_assert_cmphex(sim_convert(host, page * PAGE, PAGE,
                                views->is_private[page]), ==, 0);
    for (at = from; at < sim_now(host); at++) {
        const char *name = sim_event(host, at)->name;

        if (strcmp(name, "RUN") && strcmp(name, "PRE_FAULT")) {
            sim_dump(host, from);
            g_assert_cmpstr(name, ==, "nothing");
        }
    }
}

static void check_whole_record(Views *views, SimHost *host)
{
    uint64_t page;

    views_check(views, host);
    for (page = FIRST; page < PAGES; page++) {
        check_record(views, host, page);
    }
}

/* With all of RAM shared, for TDX guests, too; @views may be NULL. */
static void sim_start_shared(SimHost *host, Views *views)
{
    sim_fail(host, "VIOMMU_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, FIRST * PAGE, (PAGES - FIRST) * PAGE,
                                false), ==, 0);
    if (views) {
        views_check(views, host);
    }
}

static unsigned int check_only(SimHost *host, unsigned int from,
                               const char *name, uint64_t gpa, uint64_t size)
{
    unsigned int at = sim_find(host, from, name);

    g_assert_cmpuint(sim_count(host, from, name), ==, 1);
    g_assert_cmphex(sim_event(host, at)->args[0], ==, gpa);
    g_assert_cmphex(sim_event(host, at)->args[1], ==, size);
    return at;
}

static void check_refused(SimHost *host, uint64_t gpa, uint64_t size,
                          bool to_private)
{
    g_assert_cmphex(sim_convert(host, gpa, size, to_private), ==,
                    sim_convert_refused(host));
}

/* One call each for a run, in this order, and for what changes only */
static void test_run(SimHost *host)
{
    const uint64_t size = 16 * PAGE;
    unsigned int from, set;

    sim_start_shared(host, NULL);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, true), ==, 0);
    check_only(host, from, "UNMAP", SIM_BUFFER, size);
    set = check_only(host, from, "SET_ATTRIBUTES", SIM_BUFFER, size);
    g_assert_cmphex(sim_event(host, set)->args[2], ==, PRIVATE);
    g_assert_cmphex(sim_event(host, sim_find(host, from, "DISCARD"))->args[1],
                    ==, size);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "DISCARD", NULL);
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 0);
    /* A guest that starts shared converts what it may never touch. */
    g_assert_cmpuint(sim_count(host, from, "PRE_FAULT"), ==, host->tdx);

    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, false), ==, 0);
    set = check_only(host, from, "SET_ATTRIBUTES", SIM_BUFFER, size);
    g_assert_cmphex(sim_event(host, set)->args[2], ==, 0);
    check_only(host, from, "MAP", SIM_BUFFER, size);
    check_only(host, from, "PUNCH", SIM_BUFFER, size);
    sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", "PUNCH", NULL);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "DISCARD"), ==, 0);
}

/* Of a private mapping of a file copies go, and the file stays as it is. */
static void check_private_file(SimHost *host, const char *options)
{
    const size_t size = 4 * MiB;
    g_autofree char *was = g_malloc(size);
    g_autofree char *path = NULL, *args = NULL, *is = NULL;
    unsigned int from;
    gsize length;
    int fd = g_file_open_tmp("vfio-private-sim-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    memset(was, 0x5a, size);
    g_assert_true(g_file_set_contents(path, was, size, NULL));
    args = g_strdup_printf("-machine memory-backend=m0 -object "
                           "memory-backend-file,id=m0,size=4M,mem-path=%s,"
                           "share=off%s", path, options);
    host->after = args;
    sim_start_shared(host, NULL);
    sim_fail(host, "DISCARD", 1, EIO);
    sim_expect(host, "cannot discard what m0 has of its file at 0x200000 "
               "(0x10000 bytes): Input/output error");
    check_refused(host, SIM_BUFFER, 16 * PAGE, true);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 16 * PAGE, true), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "DISCARD"), ==, 1);
    g_assert_cmphex(sim_event(host, sim_find(host, from, "DISCARD"))->args[1],
                    ==, 16 * PAGE);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 16 * PAGE, false), ==, 0);
    sim_quit(host);
    g_assert_true(g_file_get_contents(path, &is, &length, NULL));
    unlink(path);
    g_assert_cmpmem(is, length, was, size);
}

static void test_private_file(SimHost *host)
{
    check_private_file(host, "");
}

static void test_file_to_read(SimHost *host)
{
    check_private_file(host, ",readonly=on,rom=off");
}

/* What a device costs at start does not depend on how much RAM there is. */
static void test_start(SimHost *host)
{
    uint64_t ioas = 0;
    unsigned int at, small = 0;

    sim_start(host);
    if (!host->tdx) {
        g_assert_cmpuint(sim_count(host, 0, "MAP"), >, 1);
        g_assert_cmpuint(sim_count(host, 0, "MAP"), <, 24);
    }
    /* The pages of the attempt are gone with their IOAS. */
    g_assert_cmpuint(sim_count(host, 0, "IOAS_ALLOC"), ==, 2);
    for (at = 0; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (!strcmp(event->name, "OPTION")) {
            g_assert_cmphex(event->args[0], ==, IOMMU_OPTION_OP_SET);
            g_assert_cmphex(event->args[1], ==, 0);
            small += event->args[2] != ioas;
            ioas = event->args[2];
        }
    }
    /* First that of the attempt, and then that of the device alone */
    g_assert_cmpuint(small, ==, 2);
}

/* A step that fails is undone; nothing that comes after it happens. */
static void test_to_private_fails(SimHost *host)
{
    const uint64_t size = 2 * PAGE;
    Views views = {};
    unsigned int from;

    sim_start_shared(host, &views);
    from = sim_now(host);
    sim_fail(host, "UNMAP", 1, ENOMEM);
    check_refused(host, SIM_BUFFER, size, true);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    views_check(&views, host);

    from = sim_now(host);
    sim_expect(host, "failed to set memory (0x200000+0x2000) with attr 0x8 "
               "error 'Cannot allocate memory'");
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    check_refused(host, SIM_BUFFER, size, true);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "MAP", NULL);
    g_assert_cmpuint(sim_count(host, from, "DISCARD"), ==, 0);
    views_check(&views, host);

    from = sim_now(host);
    sim_expect(host, "Failed to discard range pc.ram:200000 +2000 (-5)");
    sim_fail(host, "DISCARD", 1, EIO);
    check_refused(host, SIM_BUFFER, size, true);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "DISCARD",
                 "SET_ATTRIBUTES", "MAP", NULL);
    check_whole_record(&views, host);
}

static void test_to_shared_fails(SimHost *host)
{
    const uint64_t size = 2 * PAGE;
    Views views = {};
    unsigned int from;

    sim_start_shared(host, &views);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, true), ==, 0);
    from = sim_now(host);
    sim_expect(host, "failed to set memory (0x200000+0x2000) with attr 0x0 "
               "error 'Cannot allocate memory'");
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    check_refused(host, SIM_BUFFER, size, false);
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 0);
    views_check(&views, host);

    from = sim_now(host);
    sim_fail(host, "MAP", 1, ENOMEM);
    check_refused(host, SIM_BUFFER, size, false);
    sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", "SET_ATTRIBUTES", NULL);
    g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 0);
    views_check(&views, host);

    from = sim_now(host);
    sim_expect(host, "Failed to fallocate pc.ram:200000 +2000 (-28)");
    sim_fail(host, "PUNCH", 1, ENOSPC);
    check_refused(host, SIM_BUFFER, size, false);
    sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", "PUNCH", "UNMAP",
                 "SET_ATTRIBUTES", NULL);
    check_whole_record(&views, host);
}

/* Two failures: what is private is mapped nowhere, and QEMU knows what is. */
static void check_consistent(Views *views, SimHost *host, bool is_private)
{
    uint64_t page = SIM_BUFFER / PAGE;

    views_follow(views, host);
    g_assert_cmpint(views->is_private[page], ==, is_private);
    check_record(views, host, page);
    /* And it works as before. */
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, !is_private), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, is_private), ==, 0);
    views_check(views, host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, false), ==, 0);
}

static void test_undo_fails(SimHost *host)
{
    Views views = {};

    host->talks = true;
    sim_start_shared(host, &views);
    /* It cannot be mapped again... */
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    sim_fail(host, "MAP", 1, ENOMEM);
    check_refused(host, SIM_BUFFER, PAGE, true);
    check_consistent(&views, host, false);
    /* ...or KVM keeps it private... */
    sim_fail(host, "DISCARD", 1, EIO);
    sim_fail(host, "SET_ATTRIBUTES", 2, ENOMEM);
    check_refused(host, SIM_BUFFER, PAGE, true);
    check_consistent(&views, host, true);
    /* ...or shared, or it does not leave the IOAS. */
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, true), ==, 0);
    sim_fail(host, "PUNCH", 1, EIO);
    sim_fail(host, "SET_ATTRIBUTES", 2, ENOMEM);
    check_refused(host, SIM_BUFFER, PAGE, false);
    check_consistent(&views, host, false);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, true), ==, 0);
    sim_fail(host, "PUNCH", 1, EIO);
    sim_fail(host, "UNMAP", 1, EBUSY);
    check_refused(host, SIM_BUFFER, PAGE, false);
    check_consistent(&views, host, false);
}

/*
 * To the kernel, what it cannot cut is as little there as what is not mapped.
 */
static void test_whole_mapping(SimHost *host)
{
    Views views = {};

    sim_start_shared(host, &views);
    sim_fail(host, "UNMAP", 1, ENOENT);
    check_refused(host, SIM_BUFFER, 2 * PAGE, true);
    views_check(&views, host);
    check_record(&views, host, SIM_BUFFER / PAGE);
}

/* Every other page of the range is private before. */
static void make_runs(SimHost *host)
{
    int i;

    for (i = 1; i < 2 * NR_RUNS; i += 2) {
        g_assert_cmphex(sim_convert(host, SIM_BUFFER + i * PAGE, PAGE, true),
                        ==, 0);
    }
}

/* Of several runs in one range, each may be the one that fails. */
static void test_runs_fail(SimHost *host)
{
    const uint64_t size = 2 * NR_RUNS * PAGE;
    Views views = {};
    unsigned int from;
    int i;

    sim_start_shared(host, &views);
    make_runs(host);
    sim_expect(host, "Failed to discard range");
    sim_expect(host, "Failed to fallocate");
    for (i = 1; i <= NR_RUNS; i++) {
        from = sim_now(host);
        sim_fail(host, "UNMAP", i, ENOMEM);
        check_refused(host, SIM_BUFFER, size, true);
        g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, i);
        g_assert_cmpuint(sim_count(host, from, "MAP"), ==, i - 1);
        views_check(&views, host);

        sim_fail(host, "DISCARD", i, EIO);
        check_refused(host, SIM_BUFFER, size, true);
        views_check(&views, host);

        from = sim_now(host);
        sim_fail(host, "MAP", i, ENOMEM);
        check_refused(host, SIM_BUFFER, size, false);
        g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, i - 1);
        views_check(&views, host);

        sim_fail(host, "PUNCH", i, EIO);
        check_refused(host, SIM_BUFFER, size, false);
        views_check(&views, host);
    }
    check_whole_record(&views, host);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, true), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, NR_RUNS);
    check_only(host, from, "SET_ATTRIBUTES", SIM_BUFFER, size);
    views_check(&views, host);
}

/* A range in two blocks: as if it was in one */
static void test_blocks(SimHost *host)
{
    const uint64_t gpa = SIM_BUFFER - PAGE, size = 2 * PAGE;
    Views views = {};
    unsigned int from;

    /* The second block begins at the buffer. */
    host->after = "-object memory-backend-ram,id=m0,size=2M "
                 "-object memory-backend-memfd,id=m1,size=2M "
                 "-numa node,memdev=m0 -numa node,memdev=m1";
    sim_start_shared(host, &views);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, gpa, size, true), ==, 0);
    check_only(host, from, "SET_ATTRIBUTES", gpa, size);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 2);
    views_check(&views, host);
    g_assert_cmphex(sim_convert(host, gpa, size, false), ==, 0);
    views_check(&views, host);

    sim_expect(host, "Failed to discard range m1:0 +1000 (-5)");
    sim_fail(host, "DISCARD", 2, EIO);
    check_refused(host, gpa, size, true);
    sim_fail(host, "UNMAP", 2, EIO);
    check_refused(host, gpa, size, true);
    check_whole_record(&views, host);
}

/* A kernel that cannot cut: 2 MiB at a time, and what stays is mapped again. */
static void test_no_cuts(SimHost *host)
{
    Views views = {};
    unsigned int from;
    int i;

    host->shared->no_cuts = 1;
    sim_start_shared(host, &views);
    /* A TDX guest has had a part of it shared before. */
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 0x200000, true), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 0x200000, false), ==, 0);
    /* If one or the other side of it cannot, all is mapped as it was. */
    for (i = 1; i <= 2; i++) {
        from = sim_now(host);
        sim_fail(host, "MAP", i, ENOMEM);
        check_refused(host, SIM_BUFFER + PAGE, PAGE, true);
        g_assert_cmpuint(sim_find_args(host, from, "MAP", SIM_BUFFER,
                                       0x200000), !=, UINT_MAX);
        views_check(&views, host);
    }
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER + PAGE, PAGE, true), ==, 0);
    check_only(host, from, "UNMAP", SIM_BUFFER, 0x200000);
    g_assert_cmpuint(sim_find_args(host, from, "MAP", SIM_BUFFER, PAGE), !=,
                     UINT_MAX);
    g_assert_cmpuint(sim_find_args(host, from, "MAP", SIM_BUFFER + 2 * PAGE,
                                   0x200000 - 2 * PAGE), !=, UINT_MAX);
    views_check(&views, host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER + PAGE, PAGE, false), ==, 0);
    views_check(&views, host);

    /* More than a piece, of which the second one fails */
    g_assert_cmphex(sim_convert(host, FIRST * PAGE, (PAGES - FIRST) * PAGE,
                                true), ==, 0);
    sim_fail(host, "MAP", 2, ENOMEM);
    check_refused(host, FIRST * PAGE, (PAGES - FIRST) * PAGE, false);
    check_whole_record(&views, host);
}

/* What cannot be found out is taken for no, and is asked again. */
static void test_no_answer(SimHost *host)
{
    Views views = {};
    unsigned int from;
    QDict *response;
    int i;

    host->plugged = true;
    sim_start(host);
    g_assert_cmphex(sim_convert(host, FIRST * PAGE, (PAGES - FIRST) * PAGE,
                                false), ==, 0);
    sim_fail(host, "MAP", 1, ENOMEM);
    response = sim_plug(host, 0);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    views_check(&views, host);
    for (i = 0; i < 2; i++) {
        from = sim_now(host);
        g_assert_cmphex(sim_convert(host, SIM_BUFFER + PAGE, PAGE, !i), ==, 0);
        views_check(&views, host);
    }
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 1);
}

/* RAM that is private when a device comes is not mapped. */
static void test_plug(SimHost *host)
{
    Views views = {};
    QDict *response;

    host->plugged = true;
    sim_start(host);
    g_assert_cmphex(sim_convert(host, FIRST * PAGE, (PAGES - FIRST) * PAGE,
                                false), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 5 * PAGE, true), ==, 0);
    response = sim_plug(host, 0);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    check_whole_record(&views, host);
}

/* The guest is to start anew as it did the first time. */
static void test_reset(SimHost *host)
{
    Views views = {};
    int i;

    if (host->tdx) {
        g_test_skip("a TDX guest cannot be reset");
        return;
    }
    sim_start_shared(host, &views);
    make_runs(host);
    qtest_system_reset(host->qts);
    views_check(&views, host);
    for (i = FIRST; i < PAGES; i++) {
        g_assert_false(views.is_private[i]);
    }
    check_whole_record(&views, host);
}

static void walk_fail(SimHost *host)
{
    static const char *const calls[] = {
        "UNMAP", "SET_ATTRIBUTES", "MAP", "DISCARD", "PUNCH",
    };

    sim_fail(host, calls[g_test_rand_int_range(0, ARRAY_SIZE(calls))],
             g_test_rand_int_range(1, 4), ENOMEM);
}

static void walk(SimHost *host, Views *views)
{
    int i;

    for (i = 0; i < STEPS; i++) {
        uint64_t first = g_test_rand_int_range(FIRST, PAGES);
        uint64_t most = g_test_rand_bit() ? 8 : PAGES;
        uint64_t count = g_test_rand_int_range(1, MIN(most, PAGES - first) + 1);

        if (!g_test_rand_int_range(0, 3)) {
            walk_fail(host);
        }
        sim_convert(host, first * PAGE, count * PAGE, g_test_rand_bit());
        /* One that has not struck may strike an undo the next time. */
        sim_fail_no_more(host);
        views_check(views, host);
        check_record(views, host, g_test_rand_int_range(FIRST, PAGES));
    }
    check_whole_record(views, host);
}

static void test_walk(SimHost *host)
{
    Views views = {};

    host->talks = true;
    sim_start_shared(host, &views);
    walk(host, &views);
}

static void test_walk_no_cuts(SimHost *host)
{
    Views views = {};

    host->talks = true;
    host->shared->no_cuts = 1;
    sim_start_shared(host, &views);
    walk(host, &views);
}

static const SimTest tests[] = {
    { "run", test_run },
    { "private-file", test_private_file },
    { "file-to-read", test_file_to_read },
    { "start", test_start },
    { "to-private-fails", test_to_private_fails },
    { "to-shared-fails", test_to_shared_fails },
    { "undo-fails", test_undo_fails },
    { "whole-mapping", test_whole_mapping },
    { "runs-fail", test_runs_fail },
    { "blocks", test_blocks },
    { "no-cuts", test_no_cuts },
    { "no-answer", test_no_answer },
    { "plug", test_plug },
    { "reset", test_reset },
    { "walk", test_walk },
    { "walk-no-cuts", test_walk_no_cuts },
};

void sim_test_add_ram_convert(void)
{
    sim_add_tests("ram-convert", tests, ARRAY_SIZE(tests));
}
