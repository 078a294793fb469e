/*
 * QTest of private device assignment in a QEMU on a simulated host
 *
 * simhost/ is preloaded into QEMU and answers for KVM, VFIO and iommufd, so
 * that all of QEMU's code runs, for every kind of guest, with every failure of
 * the kernel, on any machine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-private-sim.h"

static void test_skip(gconstpointer reason)
{
    g_test_skip(reason);
}

int main(int argc, char **argv)
{
    const char *reason;

    g_test_init(&argc, &argv, NULL);
    reason = sim_host_usable();
    if (reason) {
        qtest_add_data_func("vfio-private-sim", reason, test_skip);
        return g_test_run();
    }
    sim_test_add_order();
    sim_test_add_convert();
    sim_test_add_ram_convert();
    sim_test_add_ram_place();
    sim_test_add_bind();
    sim_test_add_caps();
    sim_test_add_errno();
    sim_test_add_dma();
    sim_test_add_ended();
    sim_test_add_ends();
    sim_test_add_exit();
    sim_test_add_fault();
    sim_test_add_plug();
    sim_test_add_port();
    sim_test_add_qapi();
    sim_test_add_ram();
    sim_test_add_group();
    sim_test_add_refuse();
    sim_test_add_commands();
    sim_test_add_busy();
    sim_test_add_walk();
    sim_test_add_sw();
    sim_test_add_tdx();
    return g_test_run();
}
