/*
 * QTest of private device assignment on a simulated host: TDX guests
 *
 * What a TDX guest has of its own; the rest is tested for both kinds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/tdcm.h>
#include "qemu/bswap.h"
#include "vfio-private-sim.h"

/* The device is known to KVM and iommufd before the guest is sealed. */
static void test_start(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const SimEvent *event;

    sim_start(host);
    event = sim_event(host, sim_find(host, 0, "CREATE_VM"));
    g_assert_cmpuint(event->args[0], ==, KVM_X86_TDX_VM);
    sim_in_order(host, 0, "TDX_CAPABILITIES", "TDX_INIT_VM", "CREATE_VCPU",
                 "FILE_ADD", "BIND_IOMMUFD", "VIOMMU_ALLOC", "VDEVICE_ALLOC",
                 "TDX_INIT_VCPU", "TDX_INIT_MEM_REGION", "TDX_FINALIZE_VM",
                 "RUN", NULL);
    g_assert_cmpuint(sim_count(host, 0, "TDX_INIT_MEM_REGION"), ==, 3);
    g_assert_cmpuint(sim_count(host, 0, "mmap"), ==, 0);
}

static void test_start_fails(void)
{
    static const struct {
        const char *name;
        const char *text;
    } calls[] = {
        { "TDX_CAPABILITIES",
          "TDX ioctl KVM_TDX_CAPABILITIES failed, hw_errors: 0x0: " },
        { "TDX_INIT_VM", "TDX ioctl KVM_TDX_INIT_VM failed, hw_errors: 0x0: " },
        { "TDX_INIT_VCPU",
          "TDX ioctl KVM_TDX_INIT_VCPU failed, hw_errors: 0x0: " },
        { "TDX_INIT_MEM_REGION",
          "TDX ioctl KVM_TDX_INIT_MEM_REGION failed, hw_errors: 0x0: " },
        { "TDX_FINALIZE_VM",
          "TDX ioctl KVM_TDX_FINALIZE_VM failed, hw_errors: 0x0: " },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(calls); i++) {
        g_autoptr(SimHost) host = sim_host_new(true);
        g_autofree char *err = NULL;

        sim_fail(host, calls[i].name, 1, EIO);
        err = sim_start_fails(host);
        g_assert_nonnull(strstr(err, calls[i].text));
        g_assert_cmpuint(sim_count(host, 0, "RUN"), ==, 0);
    }
}

/* The status of GHCI, for what is not a request of this kind, too */
static void test_status(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint64_t call[SIM_EXIT_ARGS] = { SIM_RID, SIM_BUFFER, 4096, 0 };
    struct tdcm_buffer buf = { .operation = cpu_to_le16(TDCM_OP_BIND) };

    sim_start_mapped(host);
    qtest_memwrite(host->qts, SIM_BUFFER, &buf, sizeof(buf));
    /* Not known: what KVM has preset remains. */
    g_assert_cmphex(sim_exit(host, KVM_EXIT_TDX, 0x1ffff,
                             SIM_TDVMCALL_UNSUPPORTED, call), ==,
                    SIM_TDVMCALL_UNSUPPORTED);
    g_assert_cmpuint(sim_count(host, 0, "TSM_BIND"), ==, 0);
    g_assert_cmphex(sim_call(host, SIM_RID + 8, SIM_BUFFER, 4096, 0), ==,
                    SIM_TDVMCALL_INVALID);
    g_assert_cmphex(sim_call(host, SIM_RID, SIM_BUFFER, 4096, 0), ==, 0);
    g_assert_cmpuint(sim_count(host, 0, "TSM_BIND"), ==, 1);
    /* The buffer is no request any more: it has the reply. */
    g_assert_cmphex(sim_call(host, SIM_RID, SIM_BUFFER, 4096, 0), ==,
                    SIM_TDVMCALL_INVALID);
}

static void test_private_ram(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    unsigned int from;

    sim_start_mapped(host);
    from = sim_now(host);
    /* RAM that was never shared is no buffer. */
    g_assert_cmphex(sim_call(host, SIM_RID, 0x300000, 4096, 0), ==,
                    SIM_TDVMCALL_INVALID);
    sim_nothing(host, from);
}

/* By touching it: what the guest accepts, and only in CONFIG_LOCKED. */
static void test_fault_converts(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint64_t args[SIM_EXIT_ARGS] = {
        SIM_BAR2, 0x10000, KVM_MEMORY_EXIT_FLAG_PRIVATE,
    };
    unsigned int from;

    sim_start_mapped(host);
    sim_lock(host);
    from = sim_now(host);
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    g_assert_cmpuint(sim_find_args(host, from, "SET_ATTRIBUTES", SIM_BAR2,
                                   0x10000), !=, UINT_MAX);
    sim_make_private(host);
    sim_ok(host, TDCM_OP_START_TDI);
}

/* It goes on at once, if that was all. */
static void test_fault_goes_on(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    uint64_t args[SIM_EXIT_ARGS] = {
        SIM_BAR2, 4096, KVM_MEMORY_EXIT_FLAG_PRIVATE,
    };
    unsigned int i, from;

    sim_start_mapped(host);
    sim_lock(host);
    from = sim_now(host);
    for (i = 0; i < 64; i++) {
        sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
        args[0] += 4096;
    }
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 64);
    g_assert_cmpuint(sim_count(host, from, "WAIT"), ==, 0);
    /* The same one again is another matter. */
    args[0] -= 4096;
    sim_exit(host, KVM_EXIT_MEMORY_FAULT, 0, 0, args);
    g_assert_cmpuint(sim_count(host, from, "WAIT"), ==, 1);
}

void sim_test_add_tdx(void)
{
    qtest_add_func("vfio-private-sim/tdx/start", test_start);
    qtest_add_func("vfio-private-sim/tdx/start-fails", test_start_fails);
    qtest_add_func("vfio-private-sim/tdx/status", test_status);
    qtest_add_func("vfio-private-sim/tdx/private-ram", test_private_ram);
    qtest_add_func("vfio-private-sim/tdx/fault-converts", test_fault_converts);
    qtest_add_func("vfio-private-sim/tdx/fault-goes-on", test_fault_goes_on);
}
