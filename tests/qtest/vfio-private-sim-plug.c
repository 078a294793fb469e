/*
 * QTest of private device assignment on a simulated host: hot plug
 *
 * A device that is plugged into a VM that runs may fail at each step.  QEMU
 * goes on, and nothing of the attempt is left in the kernel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

/* In the kernel nothing is left of it. */
static void check_nothing_left(SimHost *host, unsigned int from)
{
    g_assert_cmpuint(sim_count(host, from, "close vfio"), ==, 1);
    g_assert_cmpuint(host->shared->nr_objects, ==, 0);
    g_assert_cmpuint(host->shared->nr_maps, ==, 0);
    g_assert_cmpuint(host->shared->nr_dmabufs, ==, 0);
    g_assert_cmpuint(host->shared->nr_iommufds, ==, 0);
    g_assert_cmpuint(host->shared->nr_kvm_files, ==, 0);
    g_assert_cmpuint(sim_count(host, from, "kernel unbinds"), ==, 0);
}

typedef struct PlugCase {
    const char *call;
    uint32_t at;
    int err;
    const char *desc;
} PlugCase;

static const PlugCase cases[] = {
    { "FILE_ADD", 1, EINVAL, "to KVM VFIO device: Invalid argument" },
    { "BIND_IOMMUFD", 1, EBUSY, "it is in use by another process" },
    { "IOAS_ALLOC", 1, ENOMEM, "Failed to allocate ioas" },
    { "HWPT_ALLOC", 1, ENOMEM, "Failed to allocate hwpt" },
    { "ATTACH_IOMMUFD", 1, EBUSY, "error attach dev0" },
    { "DMA_BUF", 1, ENOMEM, "BAR 0: cannot export 0x8000 bytes at 0x0" },
    { "DMA_BUF", 2, ENOMEM, "BAR 0: cannot export 0x6000 bytes at 0xa000" },
    { "DMA_BUF", 3, ENOMEM, "BAR 2: cannot export 0x100000 bytes at 0x0" },
};

QEMU_BUILD_BUG_ON(ARRAY_SIZE(cases) >= SIM_SPARES);

static void plug_fails(SimHost *host, int nr)
{
    const PlugCase *c = &cases[nr];
    unsigned int from = sim_now(host);
    QDict *response;
    const char *desc;

    g_test_message("%s fails at its call %u", c->call, c->at);
    sim_fail(host, c->call, c->at, c->err);
    response = sim_plug(host, nr);
    g_assert_true(qdict_haskey(response, "error"));
    desc = qdict_get_str(qdict_get_qdict(response, "error"), "desc");
    if (!strstr(desc, c->desc)) {
        g_assert_cmpstr(desc, ==, c->desc);
    }
    qobject_unref(response);
    check_nothing_left(host, from);
}

static void test_plug(SimHost *host)
{
    unsigned int from;
    QDict *response;
    int i;

    host->plugged = true;
    sim_start(host);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        plug_fails(host, i);
    }
    from = sim_now(host);
    response = sim_plug(host, i);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    sim_in_order(host, from, "FILE_ADD", "BIND_IOMMUFD", "ATTACH_IOMMUFD",
                 "DMA_BUF", "VIOMMU_ALLOC", "VDEVICE_ALLOC", NULL);
    sim_qmp_state(host, "config-unlocked");
}

/*
 * RAM that DMA cannot reach, e.g. in a file of ramfs: whichever piece of it the
 * IOMMU does not take, device_add fails, and takes back what was mapped before.
 */
static void test_unreachable_ram(SimHost *host)
{
    /* Of a TDX guest, little is shared. */
    const int runs = host->tdx ? 1 : 3;
    int i;

    host->plugged = true;
    sim_start(host);
    for (i = 0; i < runs; i++) {
        unsigned int from = sim_now(host);
        QDict *response;

        g_test_message("the mapping number %d fails", i + 1);
        /* The first one of all is to find out what the kernel can do. */
        sim_fail(host, "MAP", i ? i + 1 : 2, EINVAL);
        response = sim_plug(host, i);
        g_assert_true(qdict_haskey(response, "error"));
        qobject_unref(response);
        check_nothing_left(host, from);
        sim_fail_no_more(host);
    }
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'query-status' }");
}

/* One that cannot have a vDEVICE keeps no vIOMMU, and is no TDI. */
static void test_no_vdevice(SimHost *host)
{
    unsigned int at;

    sim_fail(host, "VDEVICE_ALLOC", 1, ENXIO);
    sim_start_mapped(host);
    at = sim_find(host, 0, "VIOMMU_ALLOC");
    g_assert_cmpuint(sim_find_args(host, at, "DESTROY",
                                   sim_event(host, at)->args[1], 0), !=,
                     UINT_MAX);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
}

static const SimTest tests[] = {
    { "each-step-fails", test_plug },
    { "unreachable-ram", test_unreachable_ram },
    { "no-vdevice", test_no_vdevice },
};

void sim_test_add_plug(void)
{
    sim_add_tests("plug", tests, ARRAY_SIZE(tests));
}
