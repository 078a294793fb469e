/*
 * Unit tests of the binding of a device as a TDI, through guest requests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tdi-fake.h"

/* Refusals by state */

static void test_unlocked_refuses(void)
{
    setup();
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    request_err(TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_INVALID_STATE);
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);
    request_ok(TDCM_OP_UNBIND);
    /* A TDI must be locked before its MMIO is private. */
    g_assert_cmpint(may_private(0, 0x1000), ==, -EPERM);
    g_assert_cmpint(may_shared(0, 0x1000), ==, 0);
    g_assert_cmpstr(f.log->str, ==, "");
    teardown();
}

static void test_bind_refused(void)
{
    setup();
    f.connected = false;
    g_assert_cmpint(request_ok(TDCM_OP_CHECK_TEEIO_SUPP)->data[0], ==, 0);
    request_err(TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    /* No TSM, no TDI: its MMIO is converted at will. */
    g_assert_cmpint(may_private(0, BAR_SIZE), ==, 0);
    f.connected = true;
    f.ready = false;
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    /* The look may take long, so there is none at each conversion. */
    g_assert_cmpstr(f.log->str, ==, "tsm? tsm? ");
    g_assert_cmpint(may_private(0, BAR_SIZE), ==, 0);
    g_assert_cmpint(request_ok(TDCM_OP_CHECK_TEEIO_SUPP)->data[0], ==, 1);
    g_assert_cmpint(may_private(0, BAR_SIZE), ==, -EPERM);
    f.ready = true;
    g_string_truncate(f.log, 0);
    f.bind_ret = -EIO;
    request_err(TDCM_OP_BIND, TDCM_ERROR_DEVICE);
    g_assert_cmpstr(f.log->str, ==, "tsm? bind stop ");
    g_assert_false(tdi_binding_frozen(&f.binding));
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);
    f.bind_ret = 0;
    request_ok(TDCM_OP_BIND);
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    expect_state(TDISP_STATE_CONFIG_LOCKED);
    teardown();
}

static void test_monitor_cannot_start(void)
{
    setup();
    g_assert_cmpint(ask(TDI_OPERATION_BIND, TDI_REASON_MONITOR), ==, 0);
    f.mmio_private = true;
    g_assert_cmpint(ask(TDI_OPERATION_START, TDI_REASON_MONITOR), ==, -EPERM);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_LOCKED);
    teardown();
}

static void test_start_needs_private_mmio(void)
{
    setup();
    request_ok(TDCM_OP_BIND);
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_LOCKED);
    teardown();
}

static void test_no_report_no_private_mmio(void)
{
    setup();
    f.report_ret = -EIO;
    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    g_assert_cmpint(may_private(0, 0x1000), ==, -EPERM);
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    f.code = TDISP_ERR_UNSPECIFIED;
    request_err(TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_TDISP);
    f.code = 0;
    f.report_ret = 0;
    request_ok(TDCM_OP_GET_TDI_REPORT);
    g_assert_cmpint(may_private(0, 0x3000), ==, 0);
    teardown();
}

/* Success */

static void test_life(void)
{
    setup();
    g_assert_cmpint(request_ok(TDCM_OP_CHECK_TEEIO_SUPP)->data[0], ==, 1);
    to_run();
    g_assert_cmpstr(f.log->str, ==, "tsm? tsm? bind report start state ");
    g_assert_true(tdi_binding_frozen(&f.binding));
    g_string_truncate(f.log, 0);
    request_ok(TDCM_OP_UNBIND);
    /* STOP first, then MMIO is shared. */
    g_assert_cmpstr(f.log->str, ==, "stop share ");
    g_assert_false(tdi_binding_frozen(&f.binding));
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);
    to_run();
    teardown();
}

static void test_conversions(void)
{
    setup();
    request_ok(TDCM_OP_BIND);
    g_assert_cmpint(may_private(0, 0x3000), ==, 0);
    g_assert_cmpint(may_private(0, 0x4000), ==, -EPERM);
    g_assert_cmpint(may_private(0x3000, 0x1000), ==, -EPERM);
    g_assert_cmpint(may_shared(0, 0x1000), ==, -EPERM);
    f.mmio_private = true;
    request_ok(TDCM_OP_START_TDI);
    g_assert_cmpint(may_private(0, 0x1000), ==, -EPERM);
    g_assert_cmpint(may_shared(0, 0x1000), ==, -EPERM);
    request_ok(TDCM_OP_UNBIND);
    g_assert_cmpint(may_shared(0, 0x1000), ==, 0);
    teardown();
}

/* Private DMA */

static void test_dma_refused(void)
{
    setup();
    f.binding.has_dma = true;
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    request_ok(TDCM_OP_BIND);
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    to_run_locked();
    f.binding.has_dma = false;
    g_assert_cmpint(request_ok(TDCM_OP_CHECK_TEEIO_SUPP)->data[0], ==,
                    TDCM_SUPP_TEEIO);
    g_string_truncate(f.log, 0);
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_DEVICE);
    request_ok(TDCM_OP_DISABLE_DMA);
    g_assert_cmpstr(f.log->str, ==, "");
    f.binding.has_dma = true;
    f.connected = false;
    g_assert_cmpint(request_ok(TDCM_OP_CHECK_TEEIO_SUPP)->data[0], ==, 0);
    /* Its requester ID has changed: nobody knows what it is. */
    f.rid++;
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_INVALID_STATE);
    f.rid--;
    teardown();
}

static void test_dma(void)
{
    setup();
    f.binding.has_dma = true;
    f.populate_left = 3;
    g_assert_cmpint(request_ok(TDCM_OP_CHECK_TEEIO_SUPP)->data[0], ==,
                    TDCM_SUPP_TEEIO | TDCM_SUPP_PRIVATE_DMA);
    to_run();
    g_string_truncate(f.log, 0);
    request_ok(TDCM_OP_ENABLE_DMA);
    g_assert_cmpstr(f.log->str, ==, "fill fill fill dma ");
    g_string_truncate(f.log, 0);
    request_ok(TDCM_OP_ENABLE_DMA);
    g_assert_cmpstr(f.log->str, ==, "");
    request_ok(TDCM_OP_DISABLE_DMA);
    g_assert_false(f.dma);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    request_ok(TDCM_OP_DISABLE_DMA);
    g_assert_cmpstr(f.log->str, ==, "nodma ");
    expect_state(TDISP_STATE_RUN);
    request_ok(TDCM_OP_ENABLE_DMA);
    request_ok(TDCM_OP_UNBIND);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    teardown();
}

static void test_dma_fails(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    f.populate_ret = -ENOMEM;
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_TDX_MODULE);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    f.populate_ret = 0;
    f.enable_ret = -EIO;
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_DEVICE);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    expect_state(TDISP_STATE_RUN);
    f.enable_ret = 0;
    request_ok(TDCM_OP_ENABLE_DMA);
    f.disable_ret = -EIO;
    request_err(TDCM_OP_DISABLE_DMA, TDCM_ERROR_DEVICE);
    g_assert_cmpint(f.dma_wanted, ==, 1);
    f.disable_ret = 0;
    request_ok(TDCM_OP_DISABLE_DMA);
    teardown();
}

static void end_in_populate(void)
{
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
}

static TDIRequest wanted;

static void unbind_in_populate(void)
{
    wanted = (TDIRequest) {
        .operation = TDI_OPERATION_UNBIND,
        .reason = TDI_REASON_MONITOR,
        .done = ask_done,
    };
    tdi_submit(&f.binding, &wanted);
}

static void reset_in_populate(void)
{
    tdi_reset_waits = true;
}

/* Who wants an end does not wait for all of it. */
static void test_dma_overtaken(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    f.populate_left = 1000;
    f.on_relock = unbind_in_populate;
    g_string_truncate(f.log, 0);
    request(TDCM_OP_ENABLE_DMA);
    idle();
    g_assert_cmpstr(f.log->str, ==, "fill stop remap ");
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    request_ok(TDCM_OP_UNBIND);
    to_run();
    f.on_relock = reset_in_populate;
    g_string_truncate(f.log, 0);
    request(TDCM_OP_ENABLE_DMA);
    tdi_reset_waits = false;
    g_assert_cmpstr(f.log->str, ==, "fill ");
    g_assert_cmpint(f.dma_wanted, ==, 0);
    f.populate_left = 0;
    teardown();
}

/* An end comes between two steps: nothing is enabled any more. */
static void test_dma_ended(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    f.populate_left = 5;
    f.on_relock = end_in_populate;
    g_string_truncate(f.log, 0);
    request(TDCM_OP_ENABLE_DMA);
    g_assert_cmpstr(f.log->str, ==, "fill stop share ");
    g_assert_false(f.dma);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    f.populate_left = 0;
    to_run();
    request_ok(TDCM_OP_ENABLE_DMA);
    teardown();
}

/* Where nothing may be assumed, that it is off may not either. */
static void test_dma_unknown(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    f.unbind_ret = -EIO;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
    g_string_truncate(f.log, 0);
    request_ok(TDCM_OP_DISABLE_DMA);
    g_assert_cmpstr(f.log->str, ==, "nodma ");
    f.unbind_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    teardown();
}

/* Without memory it is unbound; but not if all that fails is to ask. */
static void test_dma_lost(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    request_ok(TDCM_OP_ENABLE_DMA);
    f.dma_lost = true;
    f.dma_unknown = true;
    expect_state(TDISP_STATE_RUN);
    f.dma_unknown = false;
    request(TDCM_OP_GET_TDI_STATE);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    f.dma_lost = false;
    request_ok(TDCM_OP_UNBIND);
    teardown();
}

static void appears(uint64_t start, uint64_t size)
{
    g_string_truncate(f.log, 0);
    f.populate_left = 1000;
    tdi_binding_appeared(&f.binding, start, size);
}

/* Private memory that appears: what there is, once it is needed */
static void test_dma_appears(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    appears(0x8000, 0x2000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "");
    f.populate_left = 0;
    request_ok(TDCM_OP_ENABLE_DMA);
    g_assert_cmphex(f.populated, ==, 0);
    appears(0x8000, 0x2000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "fill fill ");
    g_assert_cmphex(f.populated, ==, 0x9000);
    /* At two places, and in between: above the first one, then below it */
    appears(0x8000, 0x2000);
    tdi_binding_appeared(&f.binding, 0xb000, 0x1000);
    tdi_binding_appeared(&f.binding, 0x7000, 0x1000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "fill fill fill fill fill ");
    g_assert_cmphex(f.populated, ==, 0xb000);
    request_ok(TDCM_OP_DISABLE_DMA);
    appears(0x8000, 0x2000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "");
    f.populate_left = 0;
    teardown();
}

static void appear_in_populate(void)
{
    tdi_binding_appeared(&f.binding, 0, 0x1000);
}

static void disable_in_populate(void)
{
    wanted = (TDIRequest) {
        .operation = TDI_OPERATION_DISABLE_DMA,
        .reason = TDI_REASON_GUEST,
        .done = ask_done,
    };
    tdi_submit(&f.binding, &wanted);
}

/* Requests do not wait for all of it, and ends for nothing. */
static void test_dma_appears_meanwhile(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    request_ok(TDCM_OP_ENABLE_DMA);
    f.on_relock = appear_in_populate;
    appears(0x8000, 0x1000);
    idle();
    /* It has gone back to what is below. */
    g_assert_cmpint(f.populate_left, ==, 1000 - 10);
    f.on_relock = disable_in_populate;
    appears(0x8000, 0x8000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "fill nodma ");
    f.populate_left = 0;
    request_ok(TDCM_OP_ENABLE_DMA);
    f.on_relock = end_in_populate;
    appears(0x8000, 0x8000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "fill stop share ");
    f.populate_left = 0;
    to_run();
    request_ok(TDCM_OP_ENABLE_DMA);
    appears(0x8000, 0x8000);
    /* Nothing begins any more, even if it cannot be unbound. */
    f.unbind_ret = -EIO;
    g_assert_false(tdi_binding_force(&f.binding, TDI_REASON_UNPLUG));
    idle();
    g_assert_cmpstr(f.log->str, ==, "stop ");
    f.populate_left = 0;
    teardown();
}

static TDIReason last_reason;

static void take_reason(TDIState old, TDIState new, TDIReason reason)
{
    last_reason = reason;
}

/* As if the kernel could not map it: the guest has to know. */
static void test_dma_appears_no_memory(void)
{
    setup();
    f.binding.has_dma = true;
    to_run();
    request_ok(TDCM_OP_ENABLE_DMA);
    f.on_changed = take_reason;
    f.populate_ret = -ENOMEM;
    appears(0x8000, 0x8000);
    idle();
    g_assert_cmpstr(f.log->str, ==, "fill stop remap ");
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    g_assert_cmpint(last_reason, ==, TDI_REASON_MEMORY);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    f.populate_ret = 0;
    f.populate_left = 0;
    request_ok(TDCM_OP_UNBIND);
    to_run();
    request_ok(TDCM_OP_ENABLE_DMA);
    teardown();
}

/* Failures half way */

static void test_device_error(void)
{
    setup();
    to_run();
    f.tdi = TDISP_STATE_ERROR;
    expect_state(TDISP_STATE_ERROR);
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    g_assert_true(f.mmio_private);
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.mmio_private);
    to_run();
    teardown();
}

/* A device that went back to CONFIG_UNLOCKED by itself is in error, too. */
static void test_device_unlocks_itself(void)
{
    setup();
    to_run();
    f.tdi = TDISP_STATE_CONFIG_UNLOCKED;
    expect_state(TDISP_STATE_ERROR);
    g_assert_true(tdi_binding_frozen(&f.binding));
    teardown();
}

/* The host's administrator disconnects it from its TSM while it is bound. */
static void test_disconnected(void)
{
    setup();
    to_run();
    f.connected = false;
    f.state_ret = f.report_ret = f.start_ret = -ENXIO;
    g_string_truncate(f.log, 0);
    expect_state(TDISP_STATE_ERROR);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    /* It may be about to be stopped; unbind waits for that. */
    g_assert_cmpstr(f.log->str, ==, "state tsm? stop remap ");
    /* Nothing depends on its configuration, and its MMIO is out of reach. */
    g_assert_false(tdi_binding_frozen(&f.binding));
    g_assert_true(f.hidden);
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.hidden);
    g_assert_false(f.mmio_private);

    f.connected = true;
    f.state_ret = f.report_ret = f.start_ret = 0;
    request_ok(TDCM_OP_BIND);
    f.state_ret = f.report_ret = f.start_ret = -ENXIO;
    request_err(TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_TDX_MODULE);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    teardown();
}

/* The kernel tells so: hidden first, then the kernel hears that QEMU knows. */
static void test_host_takes_it_back(void)
{
    setup();
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    idle();
    g_assert_cmpstr(f.log->str, ==, "");
    to_run();
    g_string_truncate(f.log, 0);
    /* It is of a binding that is no more. */
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    idle();
    g_assert_cmpstr(f.log->str, ==, "");
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_RUN);
    f.ended = true;
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    idle();
    g_assert_cmpstr(f.log->str, ==, "remap stop ");
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_HIDDEN);
    g_assert_true(f.hidden);
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    request_ok(TDCM_OP_UNBIND);
    to_run();
    f.ended = true;
    f.unbind_ret = -EIO;
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    idle();
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
    teardown();
}

/* The TSM says that something is wrong with it: the device is asked. */
static void test_kernel_tells_of_error(void)
{
    setup();
    to_run();
    tdi_binding_told(&f.binding, TDI_REASON_DEVICE_ERROR);
    idle();
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_RUN);
    f.tdi = TDISP_STATE_ERROR;
    tdi_binding_told(&f.binding, TDI_REASON_DEVICE_ERROR);
    idle();
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_ERROR);
    teardown();
}

static void test_start_fails(void)
{
    setup();
    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    f.start_ret = -EIO;
    f.code = TDISP_ERR_INVALID_NONCE;
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_TDISP);
    /* Whatever the device says now, it cannot be started any more. */
    f.start_ret = 0;
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    expect_state(TDISP_STATE_ERROR);
    request_ok(TDCM_OP_UNBIND);
    to_run();
    teardown();
}

/* That it is in ERROR is known, so it is not unknown. */
static void device_fails(void)
{
    f.tdi = TDISP_STATE_ERROR;
}

static void test_start_fails_in_error(void)
{
    setup();
    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    f.start_ret = -EIO;
    f.on_tsm = device_fails;
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_DEVICE);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_ERROR);
    g_assert_false(f.hidden);
    teardown();
}

static void test_unbind_fails(void)
{
    setup();
    to_run();
    f.unbind_ret = -EIO;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    g_assert_true(f.mmio_private);
    g_assert_true(tdi_binding_frozen(&f.binding));
    expect_state(TDISP_STATE_ERROR);
    g_assert_cmpint(may_shared(0, 0x1000), ==, -EPERM);
    f.unbind_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.mmio_private);
    teardown();
}

static void test_bind_and_unbind_fail(void)
{
    setup();
    f.bind_ret = -EIO;
    f.unbind_ret = -EIO;
    request_err(TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    g_assert_true(tdi_binding_frozen(&f.binding));
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    f.unbind_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(tdi_binding_frozen(&f.binding));
    teardown();
}

/*
 * An errno of the TSM is only an errno, also one that the binding uses itself:
 * nothing was cancelled, nobody was busy.
 */
static const int odd_errnos[] = {
    -ECANCELED, -ENOTRECOVERABLE, -EPERM, -EAGAIN, -ENOENT,
};

static void test_odd_errnos_of_bind(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(odd_errnos); i++) {
        setup();
        f.bind_ret = odd_errnos[i];
        request_err(TDCM_OP_BIND, odd_errnos[i] == -ENOENT ?
                    TDCM_ERROR_TDX_MODULE : TDCM_ERROR_DEVICE);
        g_assert_false(tdi_binding_frozen(&f.binding));
        expect_state(TDISP_STATE_CONFIG_UNLOCKED);
        f.bind_ret = 0;
        to_run();
        teardown();
    }
}

static void test_odd_errnos_of_others(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(odd_errnos); i++) {
        setup();
        request_ok(TDCM_OP_BIND);
        f.mmio_private = true;
        f.report_ret = odd_errnos[i];
        request(TDCM_OP_GET_TDI_REPORT);
        expect_state(TDISP_STATE_CONFIG_LOCKED);
        /* A change of state that failed leaves nothing to rely on. */
        f.start_ret = odd_errnos[i];
        request(TDCM_OP_START_TDI);
        g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
        f.start_ret = 0;
        request_ok(TDCM_OP_UNBIND);
        f.report_ret = 0;
        to_run();
        f.unbind_ret = odd_errnos[i];
        request(TDCM_OP_UNBIND);
        g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
        g_assert_true(f.mmio_private);
        teardown();
    }
}

/* Bind and its undo have failed: it is unknown, not renumbered. */
static void test_stuck_keeps_rid(void)
{
    setup();
    f.bind_ret = f.unbind_ret = -EIO;
    request_err(TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    expect_state(TDISP_STATE_ERROR);
    g_assert_cmpint(f.binding.state, ==, TDI_STATE_UNKNOWN);
    teardown();
}

static void test_renumbered(void)
{
    setup();
    to_run();
    f.rid = RID + 0x100;
    expect_state(TDISP_STATE_ERROR);
    request_ok(TDCM_OP_UNBIND);
    to_run();
    teardown();
}

/* Others meanwhile */

static struct tdcm_buffer *second;

/* Another vCPU asks for something while the TSM works; its turn comes. */
static void second_vcpu(void)
{
    bool locked = bql_locked();

    second = (struct tdcm_buffer *)(f.ram + 0x1000);
    memset(second, 0, 0x1000);
    second->operation = cpu_to_le16(TDCM_OP_UNBIND);
    g_assert_false(locked);
    bql_lock();
    g_assert_cmpint(ring(RID, RAM_BASE + 0x1000, 0x1000, 0), ==, 0);
    g_assert_cmpint(second->status, ==, NO_ANSWER);
    g_assert_cmpint(may_private(0, 0x1000), ==, -EAGAIN);
    g_assert_cmpint(may_shared(0, 0x1000), ==, -EAGAIN);
    g_assert_true(tdi_binding_frozen(&f.binding));
    bql_unlock();
}

static void test_one_after_the_other(void)
{
    setup();
    f.on_tsm = second_vcpu;
    buffer(TDCM_OP_BIND);
    g_assert_cmpint(ring(RID, RAM_BASE, 0x1000, 0), ==, 0);
    idle();
    g_assert_cmpint(f.ram[8], ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(second->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpstr(f.log->str, ==, "tsm? bind report stop share ");
    expect_state(TDISP_STATE_CONFIG_UNLOCKED);
    teardown();
}

#include "tdi-binding-ends.h"
#include "tdi-binding-told.h"
#include "tdi-binding-worker.h"

static const struct {
    const char *name;
    void (*fn)(void);
} tests[] = {
    { "refuses/in-unlocked", test_unlocked_refuses },
    { "refuses/bind", test_bind_refused },
    { "refuses/start-by-monitor", test_monitor_cannot_start },
    { "refuses/start-with-shared-mmio", test_start_needs_private_mmio },
    { "refuses/private-mmio-without-report", test_no_report_no_private_mmio },
    { "life", test_life },
    { "conversions", test_conversions },
    { "reset-waits", test_reset_waits },
    { "device-error", test_device_error },
    { "device-unlocks-itself", test_device_unlocks_itself },
    { "disconnected", test_disconnected },
    { "host-takes-it-back", test_host_takes_it_back },
    { "kernel-tells-of-error", test_kernel_tells_of_error },
    { "start-fails", test_start_fails },
    { "start-fails-in-error", test_start_fails_in_error },
    { "unbind-fails", test_unbind_fails },
    { "bind-and-unbind-fail", test_bind_and_unbind_fail },
    { "odd-errnos/bind", test_odd_errnos_of_bind },
    { "odd-errnos/others", test_odd_errnos_of_others },
    { "stuck-keeps-rid", test_stuck_keeps_rid },
    { "renumbered", test_renumbered },
    { "one-after-the-other", test_one_after_the_other },
    { "reset-meanwhile", test_reset_meanwhile },
    { "revoked", test_revoked },
    { "forced-unbind-fails", test_forced_unbind_fails },
    { "revoked-meanwhile", test_revoked_meanwhile },
    { "share-fails", test_share_fails },
    { "exit-leaves-mmio", test_exit_leaves_mmio },
    { "dma-refused", test_dma_refused },
    { "dma", test_dma },
    { "dma-fails", test_dma_fails },
    { "dma-overtaken", test_dma_overtaken },
    { "dma-ended", test_dma_ended },
    { "dma-unknown", test_dma_unknown },
    { "dma-lost", test_dma_lost },
    { "dma-appears", test_dma_appears },
    { "dma-appears-meanwhile", test_dma_appears_meanwhile },
    { "dma-appears-no-memory", test_dma_appears_no_memory },
    { "told/meanwhile", test_told_meanwhile },
    { "told/in-dma", test_told_in_dma },
    { "told/in-unbind", test_told_in_unbind },
    { "told/in-bind", test_told_in_bind },
    { "told/while-looking", test_told_while_looking },
    { "told/often", test_told_often },
    { "told/and-reset", test_told_and_reset },
    { "told/and-unbound", test_told_and_unbound },
    { "missed", test_missed },
    { "missed/and-gone", test_missed_and_gone },
    { "worker/locks-first", test_worker_locks_first },
    { "worker/lingers", test_worker_lingers },
    { "worker/goes", test_worker_goes },
    { "worker/leaves-ends", test_worker_leaves_ends },
    { "worker/stopped-vm", test_worker_stopped_vm },
};

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/tdi-binding/%s",
                                                tests[i].name);

        g_test_add_func(path, tests[i].fn);
    }
    return g_test_run();
}
