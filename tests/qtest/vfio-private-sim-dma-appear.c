/*
 * QTest of private device assignment on a simulated host: private memory that
 * appears while a device has DMA to it
 *
 * It is populated, in steps, and not by the thread that has made it appear:
 * nobody waits for all of a large memory module.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

/* Shadow RAM, which the host bridge lets the guest see, or hides */
#define SHADOW 0xc0000ULL
#define SHADOW_SIZE 0x4000ULL

/* Another device, and where its memory can be */
#define VGA_RID 0x18
#define VGA_BAR 0xe8000000

/* A memory module; it is plugged in where others may be */
#define MODULE 0x100000000ULL
#define MODULE_SIZE 0x600000ULL
#define MODULE_ARGS "memdev=m0,id=d0"
#define STEP 0x200000ULL

/* Registers of the ports by which the guest lets go of a memory module */
#define MODULE_SELECT 0xa00
#define MODULE_STATUS 0xa14
#define MODULE_EJECT 0x8

#define LACKS_MEMORY "vfio dev0: private memory that has appeared cannot be " \
    "populated: Cannot allocate memory; the TDI is unbound"

static void shadow_show(SimHost *host, bool show)
{
    sim_rid_write(host, 0, 0x90, show ? 0x00000300 : 0);
}

static void wait_populated(SimHost *host, unsigned int from, uint64_t bytes)
{
    int64_t deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (sim_populated(host, from) < bytes) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
    g_assert_cmphex(sim_populated(host, from), ==, bytes);
}

static void wait_state(SimHost *host, const char *state)
{
    int64_t deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    while (!sim_qmp_has_state(host, state)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
}

/*
 * What there was to be done has been done: the TDI's thread looks for it after
 * each request, before it lets go of what the next one needs.
 */
static void settle(SimHost *host)
{
    sim_ok(host, TDCM_OP_CHECK_TEEIO_SUPP);
    sim_ok(host, TDCM_OP_CHECK_TEEIO_SUPP);
}

/* The main loop answers the monitor, and has the lock that vCPUs wait for. */
static void check_steps(SimHost *host, unsigned int from)
{
    for (; from < sim_now(host); from++) {
        const SimEvent *event = sim_event(host, from);

        if (!strcmp(event->name, "POPULATE")) {
            g_assert_cmphex(event->args[1], <=, STEP);
            g_assert_cmpuint(event->args[2], ==, 0);
        }
    }
}

static void start_hidden(SimHost *host)
{
    sim_start_mapped(host);
    shadow_show(host, true);
    g_assert_cmphex(sim_convert(host, SHADOW, SHADOW_SIZE, true), ==, 0);
    shadow_show(host, false);
    sim_run(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
}

/* What was hidden when DMA was enabled is populated when it comes back. */
static void test_hidden(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_hidden(host);
    g_assert_cmphex(sim_populated(host, 0), ==, 0);
    from = sim_now(host);
    shadow_show(host, true);
    wait_populated(host, from, SHADOW_SIZE);
    check_steps(host, from);
    g_assert_true(sim_attached_private(host));

    /* It may go before it is its turn, and then there is no need. */
    sim_ok(host, TDCM_OP_DISABLE_DMA);
    shadow_show(host, false);
    from = sim_now(host);
    shadow_show(host, true);
    settle(host);
    g_assert_cmphex(sim_populated(host, from), ==, 0);
}

/* Another device, which nobody locks, and which comes first in QEMU's list */
static void test_beside(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    host->after = "-device vfio-pci,id=dev1,fd=" stringify(SIM_SPARE_FD)
                  ",iommufd=i0,addr=3.0,private=on";
    start_hidden(host);
    from = sim_now(host);
    shadow_show(host, true);
    wait_populated(host, from, SHADOW_SIZE);
    g_assert_true(sim_attached_private(host));
}

/* The TDI reaches all private memory or none, and the guest has to know. */
static void test_no_memory(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_hidden(host);
    from = sim_now(host);
    sim_expect(host, LACKS_MEMORY);
    sim_fail(host, "POPULATE", 1, ENOMEM);
    shadow_show(host, true);
    wait_state(host, "hidden");
    g_assert_false(sim_attached_private(host));
    sim_in_order(host, from, "POPULATE", "TSM_UNBIND", "ATTACH_IOMMUFD", NULL);
    settle(host);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 1);
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 1);

    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_true(sim_attached_private(host));
}

/* Nor does it run without the whole of RAM, whatever the reason. */
static void test_not_mapped(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    start_hidden(host);
    sim_expect(host, "cannot be mapped: Cannot allocate memory; "
               "TDIs have no DMA to it");
    sim_expect(host, LACKS_MEMORY);
    sim_fail(host, "PRIVATE_MAP", 1, ENOMEM);
    shadow_show(host, true);
    wait_state(host, "hidden");
    g_assert_false(sim_attached_private(host));
}

static void module_plug(SimHost *host)
{
    qtest_qmp_assert_success(host->qts,
                             "{ 'execute': 'device_add', 'arguments': {"
                             " 'driver': 'pc-dimm', 'id': 'd0', 'memdev': 'm0' "
                             "} }");
}

static void module_eject(SimHost *host)
{
    qtest_outl(host->qts, MODULE_SELECT, 0);
    qtest_outb(host->qts, MODULE_STATUS, MODULE_EJECT);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
}

/* With a private module that has been taken out again */
static void start_module(SimHost *host)
{
    host->before = "-m 8M,slots=1,maxmem=4G "
                   "-object memory-backend-ram,id=m0,size=6M";
    host->after = "-device pc-dimm," MODULE_ARGS;
    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, MODULE, MODULE_SIZE, true), ==, 0);
    module_eject(host);
    sim_run(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmphex(sim_populated(host, 0), ==, 0);
}

static void test_module(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_module(host);
    from = sim_now(host);
    module_plug(host);
    wait_populated(host, from, MODULE_SIZE);
    check_steps(host, from);
    g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 3);

    /* Of one that is not private there is nothing to be populated. */
    g_assert_cmphex(sim_convert(host, MODULE, MODULE_SIZE, false), ==, 0);
    module_eject(host);
    from = sim_now(host);
    module_plug(host);
    settle(host);
    g_assert_cmphex(sim_populated(host, from), ==, 0);
    g_assert_true(sim_attached_private(host));
}

/*
 * It goes, is unlocked or turns shared while some of it may not be there yet.
 */
static void test_meanwhile(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    start_module(host);
    module_plug(host);
    module_eject(host);
    from = sim_now(host);
    settle(host);
    g_assert_cmphex(sim_populated(host, from), ==, 0);

    module_plug(host);
    g_assert_cmphex(sim_convert(host, MODULE, MODULE_SIZE, false), ==, 0);
    from = sim_now(host);
    settle(host);
    g_assert_cmphex(sim_populated(host, from), ==, 0);
    g_assert_true(sim_attached_private(host));

    module_eject(host);
    module_plug(host);
    g_assert_cmphex(sim_convert(host, MODULE, MODULE_SIZE, true), ==, 0);
    module_eject(host);
    module_plug(host);
    sim_ok(host, TDCM_OP_UNBIND);
    from = sim_now(host);
    sim_run(host);
    settle(host);
    g_assert_cmphex(sim_populated(host, from), ==, 0);
}

/*
 * Where private memory was a moment ago, the kernel refuses what another device
 * has there, like video memory: devices do without it.
 */
static void test_refused(void)
{
    unsigned int locked;

    for (locked = 0; locked < 2; locked++) {
        g_autoptr(SimHost) host = sim_host_new(false);

        sim_expect(host, "vfio: vga.vram: cannot be mapped for DMA: Device or "
                   "resource busy; other devices cannot reach it");
        host->before = "-device VGA,romfile=,addr=3";
        sim_start_mapped(host);
        if (locked) {
            sim_lock(host);
        } else {
            sim_run(host);
            sim_ok(host, TDCM_OP_ENABLE_DMA);
        }
        sim_fail_always(host, "MAP", EBUSY);
        sim_fail_always(host, "MAP_FILE", EBUSY);
        sim_rid_write(host, VGA_RID, 0x10, VGA_BAR);
        sim_rid_write(host, VGA_RID, 4, 2);
        sim_fail_no_more(host);
        sim_rid_write(host, VGA_RID, 4, 0);
        g_assert_cmpint(sim_guest_state(host), ==, locked ?
                        TDISP_STATE_CONFIG_LOCKED : TDISP_STATE_RUN);
    }
}

void sim_test_add_dma_appear(void)
{
    qtest_add_func("vfio-private-sim/dma/appears/hidden", test_hidden);
    qtest_add_func("vfio-private-sim/dma/appears/beside", test_beside);
    qtest_add_func("vfio-private-sim/dma/appears/refused", test_refused);
    qtest_add_func("vfio-private-sim/dma/appears/no-memory", test_no_memory);
    qtest_add_func("vfio-private-sim/dma/appears/not-mapped", test_not_mapped);
    qtest_add_func("vfio-private-sim/dma/appears/module", test_module);
    qtest_add_func("vfio-private-sim/dma/appears/meanwhile", test_meanwhile);
}
