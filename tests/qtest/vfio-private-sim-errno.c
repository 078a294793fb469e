/*
 * QTest of private device assignment on a simulated host: failures of the TSM
 *
 * Each call of the TSM fails with each errno that the kernel documents, and
 * with some that it does not, before it had its effect and after.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "vfio-private-sim.h"

/* What the guest is told of an errno */
static const struct {
    int err;
    uint8_t error;
} errnos[] = {
    { EBUSY, TDCM_ERROR_INVALID_STATE },
    { EINVAL, TDCM_ERROR_TDX_MODULE },
    { EIO, TDCM_ERROR_DEVICE },
    { ENODEV, TDCM_ERROR_TDX_MODULE },
    { ENOENT, TDCM_ERROR_TDX_MODULE },
    { ENOMEM, TDCM_ERROR_TDX_MODULE },
    { ENOTTY, TDCM_ERROR_TDX_MODULE },
    { ENXIO, TDCM_ERROR_TDX_MODULE },
    { EOPNOTSUPP, TDCM_ERROR_DEVICE },
    { ETIMEDOUT, TDCM_ERROR_TDX_MODULE },
    /* With these QEMU means something else. */
    { EAGAIN, TDCM_ERROR_DEVICE },
    { ECANCELED, TDCM_ERROR_DEVICE },
    { ENOTRECOVERABLE, TDCM_ERROR_DEVICE },
    { EPERM, TDCM_ERROR_DEVICE },
};

typedef void SimEachFn(SimHost *host, int err, uint8_t error);

/* @fn has to leave the device as it was. */
static void each_errno(SimHost *host, const char *name, SimEachFn *fn)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(errnos); i++) {
        g_test_message("%s fails with %d", name, errnos[i].err);
        sim_fail(host, name, 1, errnos[i].err);
        fn(host, errnos[i].err, errnos[i].error);
        g_test_message("%s fails with %d after it was done", name,
                       errnos[i].err);
        sim_fail_after(host, name, errnos[i].err);
        fn(host, errnos[i].err, errnos[i].error);
    }
}

/* Nothing is left but to unbind it, and then all is well again. */
static void check_only_unbind(SimHost *host, bool is_private)
{
    unsigned int from = sim_now(host);

    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    sim_error(host, TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_INVALID_STATE);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, !is_private), ==,
                    sim_convert_refused(host));
    sim_nothing(host, from);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
}

/*
 * Bind
 */

/* Bound or not: it is unbound, and not left at a guess. */
static void bind_fails(SimHost *host, int err, uint8_t error)
{
    unsigned int from = sim_now(host);

    sim_error(host, TDCM_OP_BIND, error);
    sim_in_order(host, from, "TSM_BIND", "TSM_UNBIND", NULL);
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_UNLOCKED);
    sim_qmp_state(host, "config-unlocked");
}

static void test_bind(SimHost *host)
{
    sim_start_mapped(host);
    each_errno(host, "TSM_BIND", bind_fails);
    sim_run(host);
}

static void bind_and_undo_fail(SimHost *host, int err, uint8_t error)
{
    unsigned int from = sim_now(host);

    sim_fail(host, "TSM_UNBIND", 1, err);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    sim_in_order(host, from, "TSM_BIND", "TSM_UNBIND", NULL);
    sim_qmp_state(host, "unknown");
    /* It may be locked: the guest has none of it. */
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR0,
                                   0), !=, UINT_MAX);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   0), !=, UINT_MAX);
    check_only_unbind(host, false);
}

static void test_bind_and_undo(SimHost *host)
{
    sim_start_mapped(host);
    each_errno(host, "TSM_BIND", bind_and_undo_fail);
    sim_run(host);
}

/* Without a report nothing is TEE memory; the guest may ask for it again. */
static void bind_without_report(SimHost *host, int err, uint8_t error)
{
    sim_lock(host);
    sim_no_tee(host);
    sim_ok(host, TDCM_OP_GET_TDI_REPORT);
    sim_make_private(host);
    sim_ok(host, TDCM_OP_UNBIND);
}

static void test_bind_report(SimHost *host)
{
    sim_expect(host, "vfio dev0: the interface report is of no use: it could "
               "not be read; no MMIO can be private");
    sim_start_mapped(host);
    each_errno(host, "TSM_READ_OBJECT", bind_without_report);
}

/* A signal for the vCPU comes before anything was done. */
static void test_interrupted(SimHost *host)
{
    static const char *const names[] = {
        "TSM_BIND", "TSM_READ_OBJECT", "TSM_SET_STATE", "TSM_UNBIND",
    };
    unsigned int from;
    int i;

    sim_start_mapped(host);
    from = sim_now(host);
    for (i = 0; i < ARRAY_SIZE(names); i++) {
        sim_fail(host, names[i], 1, EINTR);
    }
    sim_run(host);
    sim_ok(host, TDCM_OP_UNBIND);
    for (i = 0; i < ARRAY_SIZE(names); i++) {
        g_assert_cmpuint(sim_count(host, from, names[i]), ==, 2);
    }
}

/*
 * Questions
 */

static void report_fails(SimHost *host, int err, uint8_t error)
{
    sim_error(host, TDCM_OP_GET_TDI_REPORT, error);
    sim_qmp_state(host, "config-locked");
    sim_ok(host, TDCM_OP_GET_TDI_REPORT);
}

static void state_fails(SimHost *host, int err, uint8_t error)
{
    if (err == ENXIO) {
        /* The host has disconnected it: see test_disconnected() */
        sim_fail_no_more(host);
        return;
    }
    sim_error(host, TDCM_OP_GET_TDI_STATE, error);
    sim_qmp_state(host, "config-locked");
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_CONFIG_LOCKED);
}

static void test_questions(SimHost *host)
{
    sim_start_mapped(host);
    sim_lock(host);
    each_errno(host, "TSM_READ_OBJECT", report_fails);
    each_errno(host, "TSM_GET_STATE", state_fails);
    sim_make_private(host);
    sim_ok(host, TDCM_OP_START_TDI);
}

static void test_disconnected(SimHost *host)
{
    sim_start_mapped(host);
    sim_run(host);
    sim_fail(host, "TSM_GET_STATE", 1, ENXIO);
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    sim_qmp_state(host, "hidden");
    check_only_unbind(host, true);
}

/* A code of TDISP tells more than an errno. */
static void test_codes(SimHost *host)
{
    sim_start_mapped(host);
    sim_lock(host);
    sim_fail_code(host, "TSM_READ_OBJECT", EIO,
                  TDISP_ERR_INVALID_INTERFACE_STATE);
    sim_error(host, TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_INVALID_STATE);
    sim_fail_code(host, "TSM_READ_OBJECT", EIO, TDISP_ERR_UNSPECIFIED);
    sim_error(host, TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_TDISP);
    if (!host->tdx) {
        /* Of a TDX guest, a report that is refused tells the state. */
        sim_fail_code(host, "TSM_GET_STATE", EIO, TDISP_ERR_UNSPECIFIED);
        sim_error(host, TDCM_OP_GET_TDI_STATE, TDCM_ERROR_TDISP);
    }
    sim_make_private(host);
    sim_fail_code(host, "TSM_SET_STATE", EIO, TDISP_ERR_INVALID_NONCE);
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_TDISP);
    sim_qmp_state(host, "unknown");
    check_only_unbind(host, true);
}

/*
 * Start and unbind
 */

/* It may run, or not; what it says does not make it what was accepted. */
static void start_fails(SimHost *host, int err, uint8_t error)
{
    unsigned int from;

    sim_lock(host);
    sim_make_private(host);
    from = sim_now(host);
    sim_error(host, TDCM_OP_START_TDI, error);
    sim_in_order(host, from, "TSM_SET_STATE", "TSM_GET_STATE", NULL);
    sim_qmp_state(host, "unknown");
    check_only_unbind(host, true);
}

static void test_start(SimHost *host)
{
    sim_start_mapped(host);
    each_errno(host, "TSM_SET_STATE", start_fails);
    sim_run(host);
}

static void test_start_error(SimHost *host)
{
    sim_start_mapped(host);
    sim_lock(host);
    sim_make_private(host);
    host->shared->tdi_state = TDISP_STATE_ERROR;
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    sim_qmp_state(host, "error");
    check_only_unbind(host, true);
}

/* What is private is out of reach, for the IOMMU, too, until it is unbound. */
static void unbind_fails(SimHost *host, int err, uint8_t error)
{
    unsigned int from;
    SimFault keep[SIM_FAULTS];

    /* The fault is for what comes after. */
    memcpy(keep, host->shared->faults, sizeof(keep));
    sim_fail_no_more(host);
    sim_run(host);
    memcpy(host->shared->faults, keep, sizeof(keep));
    from = sim_now(host);
    sim_error(host, TDCM_OP_UNBIND, error);
    /* Of a TDX guest, KVM keeps it as it is. */
    sim_in_order(host, from, "TSM_UNBIND", "SET_MEMORY_REGION",
                 host->tdx ? NULL : "SET_ATTRIBUTES", NULL);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    sim_qmp_state(host, "unknown");
    check_only_unbind(host, true);
    sim_in_order(host, from, host->tdx ? "SET_MEMORY_REGION" : "SET_ATTRIBUTES",
                 "TSM_UNBIND", "MAP_FILE", NULL);
}

static void test_unbind(SimHost *host)
{
    sim_start_mapped(host);
    each_errno(host, "TSM_UNBIND", unbind_fails);
    sim_run(host);
}

static const SimTest tests[] = {
    { "bind", test_bind },
    { "bind-and-undo", test_bind_and_undo },
    { "bind-report", test_bind_report },
    { "interrupted", test_interrupted },
    { "questions", test_questions },
    { "disconnected", test_disconnected },
    { "codes", test_codes },
    { "start", test_start },
    { "start-error", test_start_error },
    { "unbind", test_unbind },
};

void sim_test_add_errno(void)
{
    sim_add_tests("errno", tests, ARRAY_SIZE(tests));
}
