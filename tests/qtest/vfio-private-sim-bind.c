/*
 * QTest of private device assignment on a simulated host: a guest and its TDI
 *
 * Each test that takes a host is run for a software-protected VM and for a TDX
 * guest: the same requests, by different exits.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd-tsm.h>
#include <linux/kvm.h>
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qemu/bswap.h"
#include "vfio-private-sim.h"

/*
 * Refusals
 */

/* A request that is none is not taken, and nobody hears of it. */
static void test_not_taken(SimHost *host)
{
    static const struct {
        uint64_t rid, gpa, size, vector;
    } calls[] = {
        { SIM_RID + 1, SIM_BUFFER, 4096, 0 },
        { SIM_RID | 1ULL << 32, SIM_BUFFER, 4096, 0 },
        { SIM_RID, SIM_BUFFER + 1, 4096, 0 },
        { SIM_RID, SIM_BUFFER, 0, 0 },
        { SIM_RID, SIM_BUFFER, 4095, 0 },
        { SIM_RID, SIM_BUFFER, (TDCM_BUFFER_PAGES_MAX + 1) * 4096, 0 },
        { SIM_RID, SIM_BUFFER, 4096, 0x1f },
        { SIM_RID, SIM_BUFFER, 4096, 0x100 },
        { SIM_RID, SIM_BAR0, 4096, 0 },
        { SIM_RID, 0x8000000000ULL, 4096, 0 },
        { SIM_RID, UINT64_MAX - 4095, 4096, 0 },
    };
    struct tdcm_buffer buf = { .operation = cpu_to_le16(TDCM_OP_BIND) };
    unsigned int from;
    int i;

    sim_start_mapped(host);
    qtest_memwrite(host->qts, SIM_BUFFER, &buf, sizeof(buf));
    from = sim_now(host);
    for (i = 0; i < ARRAY_SIZE(calls); i++) {
        uint64_t ret = sim_call(host, calls[i].rid, calls[i].gpa,
                                calls[i].size, calls[i].vector);

        g_assert_cmphex(ret, ==, sim_refused(host));
    }
    sim_nothing(host, from);
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
}

/* KiB of memory of QEMU's own */
static uint64_t sim_memory(SimHost *host)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status",
                                            qtest_pid(host->qts));
    g_autofree char *text = NULL;
    const char *line;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    line = strstr(text, "RssAnon:");
    g_assert_nonnull(line);
    return g_ascii_strtoull(line + strlen("RssAnon:"), NULL, 10);
}

static void not_taken(SimHost *host, int times)
{
    while (times--) {
        g_assert_cmphex(sim_call(host, SIM_RID + 1, SIM_BUFFER, 4096, 0), ==,
                        sim_refused(host));
    }
}

/* However many there are, QEMU keeps nothing of them. */
static void test_not_kept(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    uint64_t before;

    sim_start_mapped(host);
    not_taken(host, 1000);
    before = sim_memory(host);
    not_taken(host, 10000);
    /* 64 bytes each would be 625. */
    g_assert_cmpuint(sim_memory(host), <, before + 320);
}

/* A buffer that is private is none; nor one of which a page is. */
static void test_private_buffer(SimHost *host)
{
    struct tdcm_buffer buf = { .operation = cpu_to_le16(TDCM_OP_BIND) };
    unsigned int from;

    sim_start_mapped(host);
    qtest_memwrite(host->qts, SIM_BUFFER, &buf, sizeof(buf));
    g_assert_cmphex(sim_convert(host, SIM_BUFFER + 4096, 4096, true), ==, 0);
    from = sim_now(host);
    g_assert_cmphex(sim_call(host, SIM_RID, SIM_BUFFER, 2 * 4096, 0), ==,
                    sim_refused(host));
    g_assert_cmphex(sim_call(host, SIM_RID, SIM_BUFFER + 4096, 4096, 0), ==,
                    sim_refused(host));
    sim_nothing(host, from);
}

/* Nor is it one any more if it turns private before the answer: not a byte. */
static void test_buffer_turns_private(SimHost *host)
{
    uint8_t before[64], after[64];
    unsigned int from;

    sim_start_mapped(host);
    sim_stall(host, "TSM_BIND");
    from = sim_now(host);
    sim_tdcm_begin(host, TDCM_OP_BIND);
    while (!sim_count(host, from, "TSM_BIND")) {
        g_usleep(100);
    }
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 4096, true), ==, 0);
    qtest_memread(host->qts, SIM_BUFFER, before, sizeof(before));
    sim_release(host);
    while (!sim_qmp_has_state(host, "config-locked")) {
        g_usleep(1000);
    }
    qtest_memread(host->qts, SIM_BUFFER, after, sizeof(after));
    g_assert_cmpmem(after, sizeof(after), before, sizeof(before));
}

/* A TDI that is not ready, or not in the state for it */
static void test_wrong_state(SimHost *host)
{
    unsigned int from;

    sim_start(host);
    sim_map_bars(host);
    sim_command(host, 2);
    from = sim_now(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    sim_error(host, TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_INVALID_STATE);
    sim_ok(host, TDCM_OP_UNBIND);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_CONFIG_UNLOCKED);
    sim_nothing(host, from);

    sim_command(host, 6);
    sim_lock(host);
    from = sim_now(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    /* Nothing of it is private yet. */
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpuint(sim_count(host, from, "TSM_BIND"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "TSM_SET_STATE"), ==, 0);
}

/* To what it is already: nobody is asked, and there is nothing to do. */
static void check_convert_in_vain(SimHost *host, bool is_private)
{
    unsigned int from = sim_now(host);

    g_assert_cmphex(sim_convert(host, SIM_BAR0 + SIM_MSIX_END, 4096, false), ==,
                    0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, is_private), ==,
                    0);
    sim_nothing(host, from);
}

/* What may turn private, and when */
static void test_convert_refused(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    sim_nothing(host, from);
    sim_lock(host);
    from = sim_now(host);
    /* MSI-X, what the report says is no TEE memory, and more than a BAR */
    g_assert_cmphex(sim_convert(host, SIM_BAR0, SIM_BAR0_SIZE, true), ==,
                    sim_convert_refused(host));
    g_assert_cmphex(sim_convert(host, SIM_BAR0 + SIM_MSIX_TABLE, 4096, true),
                    !=, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR0 + SIM_MSIX_END, 4096, true), ==,
                    sim_convert_refused(host));
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 2 * SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    sim_nothing(host, from);
    check_convert_in_vain(host, false);
    sim_make_private(host);
    from = sim_now(host);
    /* Back only by unbinding */
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 4096, false), ==,
                    sim_convert_refused(host));
    sim_nothing(host, from);
    check_convert_in_vain(host, true);
    sim_ok(host, TDCM_OP_START_TDI);
    check_convert_in_vain(host, true);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    check_convert_in_vain(host, true);
}

/*
 * Success
 */

static void check_report(SimHost *host)
{
    SimReply reply = sim_tdcm(host, TDCM_OP_GET_TDI_REPORT);
    const TdispReport *report = (const TdispReport *)reply.data;

    g_assert_cmpint(reply.status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpuint(reply.len, ==, sizeof(*report) + 4 + 4 *
                     sizeof(TdispReportRange));
    g_assert_cmpuint(le32_to_cpu(report->mmio_range_count), ==, 4);
}

/* A guest that wants an interrupt gets it on the vCPU that asked, and once. */
static void test_event(SimHost *host)
{
    struct tdcm_buffer buf = { .operation = cpu_to_le16(TDCM_OP_BIND) };
    const SimEvent *event;
    unsigned int from;

    host->shared->idle_vcpus = 2;
    host->after = "-smp 3,sockets=3";
    sim_start_mapped(host);
    qtest_memwrite(host->qts, SIM_BUFFER, &buf, sizeof(buf));
    from = sim_now(host);
    g_assert_cmphex(sim_call(host, SIM_RID, SIM_BUFFER, 4096, 0x41), ==, 0);
    while (!sim_count(host, from, "SIGNAL_MSI")) {
        g_usleep(100);
    }
    qtest_memread(host->qts, SIM_BUFFER, &buf, sizeof(buf));
    g_assert_cmpint(buf.status, ==, TDCM_STATUS_COMPLETED);
    sim_in_order(host, from, "TSM_BIND", "SIGNAL_MSI", NULL);
    event = sim_event(host, sim_find(host, from, "SIGNAL_MSI"));
    /* KVM looks at the APIC ID only. */
    g_assert_cmphex(event->args[0] & 0xff000, ==, 2 << 12);
    g_assert_cmphex(event->args[1], ==, 0x41);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_CONFIG_LOCKED);
    g_assert_cmpuint(sim_count(host, from, "SIGNAL_MSI"), ==, 1);
}

static void test_life(SimHost *host)
{
    uint32_t arch = host->tdx ? IOMMU_VDEVICE_TSM_TVM_ARCH_TDX :
                                IOMMU_VDEVICE_TSM_TVM_ARCH_SW;
    unsigned int from, at;

    sim_start_mapped(host);
    from = sim_now(host);
    sim_lock(host);
    sim_qmp_state(host, "config-locked");
    sim_in_order(host, from, "TSM_BIND", "TSM_READ_OBJECT", NULL);
    at = sim_find(host, from, "TSM_READ_OBJECT");
    g_assert_cmpuint(sim_event(host, at)->args[1], ==, arch);
    check_report(host);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_CONFIG_LOCKED);

    from = sim_now(host);
    sim_make_private(host);
    /* One call for each range, whatever its size. */
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 2);
    /* The IOMMU lets go of it before. */
    at = sim_find_args(host, from, "UNMAP", SIM_BAR2, SIM_BAR2_SIZE);
    g_assert_cmpuint(at, <, sim_find_args(host, from, "SET_ATTRIBUTES",
                                          SIM_BAR2, SIM_BAR2_SIZE));
    sim_ok(host, TDCM_OP_START_TDI);
    sim_qmp_state(host, "run");
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_RUN);
    check_report(host);

    from = sim_now(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    sim_in_order(host, from, "TSM_UNBIND", "SET_ATTRIBUTES", "MAP_FILE", NULL);
    at = sim_find_args(host, from, "SET_ATTRIBUTES", SIM_BAR2, SIM_BAR2_SIZE);
    g_assert_cmpuint(sim_event(host, at)->args[2], ==, 0);
    g_assert_cmpuint(at, <, sim_find_args(host, from, "MAP_FILE", SIM_BAR2,
                                          SIM_BAR2_SIZE));
}

static void check_support(SimHost *host, bool support)
{
    SimReply reply = sim_tdcm(host, TDCM_OP_CHECK_TEEIO_SUPP);

    g_assert_cmpint(reply.status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpuint(reply.len, ==, 1);
    g_assert_cmpint(reply.data[0] & TDCM_SUPP_TEEIO, ==, support);
}

/* The host's administrator connects the device, at any time. */
static void test_connect(SimHost *host)
{
    unsigned int from;

    sim_connect(host, "\n");
    sim_start_mapped(host);
    from = sim_now(host);
    check_support(host, false);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    sim_nothing(host, from);
    sim_connect(host, "tsm0\n");
    check_support(host, true);
    sim_run(host);
    /* Bound is bound. */
    sim_connect(host, "\n");
    sim_ok(host, TDCM_OP_UNBIND);
    from = sim_now(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    sim_nothing(host, from);
}

/*
 * Nothing in sysfs tells, but its config space: it is no TDI, and converts at
 * will.
 */
static void test_no_tee_io(SimHost *host)
{
    unsigned int from;

    host->shared->no_tee_io = 1;
    sim_start_mapped(host);
    check_support(host, false);
    from = sim_now(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    sim_nothing(host, from);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 2);
}

/*
 * What turned private while there was no TSM no report has told about: the
 * device is locked once it is shared again.
 */
static void test_private_before(SimHost *host)
{
    unsigned int from;

    sim_connect(host, "\n");
    sim_start_mapped(host);
    check_support(host, false);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    sim_connect(host, "tsm0");
    from = sim_now(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpuint(sim_count(host, from, "TSM_BIND"), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    sim_run(host);
}

/* Again and again, and it is always the same. */
static void test_rounds(SimHost *host)
{
    unsigned int i, from;

    sim_start_mapped(host);
    for (i = 0; i < 20; i++) {
        from = sim_now(host);
        sim_run(host);
        sim_ok(host, TDCM_OP_UNBIND);
        g_assert_cmpuint(sim_count(host, from, "TSM_BIND"), ==, 1);
        g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
        g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 4);
        g_assert_cmpuint(sim_count(host, from, "VDEVICE_ALLOC"), ==, 0);
    }
}

/* While it is bound, the guest cannot take its device away by config writes. */
static void test_frozen(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    sim_run(host);
    from = sim_now(host);
    sim_command(host, 0);
    sim_config_write(host, 0x10, SIM_BAR0 + 0x1000000);
    g_assert_cmphex(sim_config_read(host, 4) & 6, ==, 6);
    g_assert_cmphex(sim_config_read(host, 0x10) & ~15, ==, SIM_BAR0);
    g_assert_cmpuint(sim_count(host, from, "SET_MEMORY_REGION"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_RUN);
}

/*
 * VFIO cannot read the ROM of a bound device.  QEMU has it by then, if the
 * guest can ask for it afterwards.
 */
static void test_rom(SimHost *host)
{
    unsigned int from, at;

    sim_start_mapped(host);
    from = sim_now(host);
    sim_lock(host);
    sim_ok(host, TDCM_OP_UNBIND);
    g_assert_cmpuint(sim_find_args(host, from, "read", SIM_ROM_REGION, 0), ==,
                     UINT_MAX);

    sim_config_write(host, 0x30, SIM_ROM | 1);
    from = sim_now(host);
    sim_lock(host);
    at = sim_find_args(host, from, "read", SIM_ROM_REGION, 0);
    g_assert_cmpuint(at, <, sim_find(host, from, "TSM_BIND"));
    from = sim_now(host);
    g_assert_cmphex(qtest_readw(host->qts, SIM_ROM), ==, 0xaa55);
    sim_nothing(host, from);
}

/* The device leaves RUN by itself: QEMU learns of it, and it can be unbound. */
static void test_device_error(SimHost *host)
{
    sim_start_mapped(host);
    sim_run(host);
    host->shared->tdi_state = TDISP_STATE_ERROR;
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    sim_qmp_state(host, "error");
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
}

/* A report that makes no sense costs the guest its private MMIO. */
static void test_bad_report(SimHost *host)
{
    sim_start_mapped(host);
    host->shared->report_bad = 1;
    sim_expect(host, "vfio dev0: the interface report is of no use: it has "
               "fewer ranges than it says; no MMIO can be private");
    sim_lock(host);
    sim_no_tee(host);
    sim_ok(host, TDCM_OP_UNBIND);
    host->shared->report_bad = 0;
    sim_run(host);
}

static const SimTest tests[] = {
    { "refuses/not-taken", test_not_taken },
    { "refuses/private-buffer", test_private_buffer },
    { "refuses/buffer-turns-private", test_buffer_turns_private },
    { "refuses/wrong-state", test_wrong_state },
    { "refuses/convert", test_convert_refused },
    { "event", test_event },
    { "life", test_life },
    { "connect", test_connect },
    { "no-tee-io", test_no_tee_io },
    { "private-before", test_private_before },
    { "rounds", test_rounds },
    { "frozen", test_frozen },
    { "rom", test_rom },
    { "device-error", test_device_error },
    { "bad-report", test_bad_report },
};

void sim_test_add_bind(void)
{
    sim_add_tests("bind", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/sw/bind/refuses/not-kept", test_not_kept);
}
