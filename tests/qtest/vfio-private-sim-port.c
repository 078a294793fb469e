/*
 * QTest of private device assignment on a simulated host: behind a port
 *
 * The guest can take a bound device away from itself by the port above: move
 * its window, reset its bus, eject what is in its slot.  None of this can be
 * refused, so the TDI is unbound first.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include "qobject/qdict.h"
#include "standard-headers/linux/pci_regs.h"
#include "vfio-private-sim.h"

/* PCI hot plug by ACPI, of ICH9 */
#define PCIHP_EJECT     0xcc8
#define PCIHP_SELECT    0xcd0

#define RAM 0x300000ULL
#define RAM_SIZE 0x4000

#define WINDOW(base) (((base) >> 16 & 0xfff0) | ((base) & 0xfff00000))

static void sim_window(SimHost *host, uint8_t offset, uint64_t base)
{
    /* Base and limit: 1 MiB */
    sim_rid_write(host, SIM_PORT_RID, offset, WINDOW(base));
}

void sim_map_port(SimHost *host)
{
    sim_rid_write(host, SIM_PORT_RID, PCI_PRIMARY_BUS, 0x010100);
    sim_window(host, PCI_MEMORY_BASE, SIM_BAR0);
    sim_window(host, PCI_PREF_MEMORY_BASE, SIM_BAR2);
    sim_rid_write(host, SIM_PORT_RID, PCI_PREF_BASE_UPPER32, 0);
    sim_rid_write(host, SIM_PORT_RID, PCI_PREF_LIMIT_UPPER32, 0);
    sim_rid_write(host, SIM_PORT_RID, PCI_COMMAND,
                  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    sim_map_bars(host);
    sim_command(host, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void sim_start_behind(SimHost *host)
{
    QDict *response;

    host->plugged = true;
    sim_start(host);
    response = sim_plug(host, 0);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    host->rid = SIM_BEHIND_RID;
    sim_map_port(host);
}

void sim_renumber(SimHost *host)
{
    sim_rid_write(host, SIM_PORT_RID, PCI_PRIMARY_BUS, 0x020200);
    host->rid = 2 * SIM_BEHIND_RID;
}

void sim_bus_reset(SimHost *host)
{
    uint32_t control = sim_rid_read(host, SIM_PORT_RID, PCI_INTERRUPT_LINE);

    control |= PCI_BRIDGE_CTL_BUS_RESET << 16;
    sim_rid_write(host, SIM_PORT_RID, PCI_INTERRUPT_LINE, control);
    control &= ~(PCI_BRIDGE_CTL_BUS_RESET << 16);
    sim_rid_write(host, SIM_PORT_RID, PCI_INTERRUPT_LINE, control);
}

void sim_move_window(SimHost *host)
{
    sim_window(host, PCI_PREF_MEMORY_BASE, SIM_BAR2 + 0x10000000);
}

void sim_port_off(SimHost *host)
{
    sim_rid_write(host, SIM_PORT_RID, PCI_COMMAND, 0);
}

void sim_eject(SimHost *host)
{
    qtest_outl(host->qts, PCIHP_SELECT, 0);
    qtest_outl(host->qts, PCIHP_EJECT, 1);
}

/* Its requester ID is known only once the guest has numbered the buses. */
static void test_renumbered(SimHost *host)
{
    unsigned int first, from;

    sim_start_behind(host);
    first = sim_find(host, 0, "VDEVICE_ALLOC");
    g_assert_cmphex(sim_event(host, first)->args[0], !=, SIM_BEHIND_RID);
    from = sim_now(host);
    sim_run(host);
    sim_in_order(host, from, "DESTROY", "VDEVICE_ALLOC", "TSM_BIND", NULL);
    g_assert_cmphex(sim_event(host, sim_find(host, from, "DESTROY"))->args[0],
                    ==, sim_event(host, first)->args[1]);
    g_assert_cmphex(sim_event(host, sim_find(host, from,
                                             "VDEVICE_ALLOC"))->args[0], ==,
                    SIM_BEHIND_RID);
    sim_ok(host, TDCM_OP_UNBIND);
    from = sim_now(host);
    sim_run(host);
    g_assert_cmpuint(sim_count(host, from, "VDEVICE_ALLOC"), ==, 0);
}

/* The old vDEVICE is gone, and there is no memory for a new one. */
static void test_renumbered_no_vdevice(SimHost *host)
{
    unsigned int from;

    sim_start_behind(host);
    from = sim_now(host);
    sim_fail(host, "VDEVICE_ALLOC", 1, ENOMEM);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    sim_in_order(host, from, "DESTROY", "VDEVICE_ALLOC", NULL);
    g_assert_cmpuint(sim_count(host, from, "TSM_BIND"), ==, 0);
    /* Then there is nothing to undo, nor to unbind. */
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
    sim_qmp_state(host, "config-unlocked");
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
}

/* Before the guest numbers its buses two devices have one ID: it is neither. */
static void test_same_rid(SimHost *host)
{
    unsigned int from;
    QDict *response;

    host->plugged = true;
    host->after = "-device pcie-root-port,id=rp1,addr=3.0,chassis=2,slot=2 "
                  "-device vfio-pci,id=dev1,bus=rp1,fd="
                  stringify(SIM_SPARE_FD) ",iommufd=i0,private=on";
    sim_start(host);
    response = sim_plug(host, 1);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    host->rid = 0;
    from = sim_now(host);
    g_assert_cmphex(sim_tdcm(host, TDCM_OP_BIND).status, ==, 0xff);
    sim_nothing(host, from);
    /* Once one has a number, the other one is alone with its own. */
    host->rid = SIM_BEHIND_RID;
    sim_map_port(host);
    host->rid = 0;
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    host->rid = SIM_BEHIND_RID;
    sim_run(host);
}

/* Its own registers say that it can be locked; the port keeps a BAR from it. */
static void test_out_of_reach(SimHost *host)
{
    unsigned int from;

    sim_start_behind(host);
    from = sim_now(host);
    sim_port_off(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    sim_map_port(host);
    sim_move_window(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    g_assert_cmpuint(sim_count(host, from, "TSM_BIND"), ==, 0);
    sim_map_port(host);
    sim_run(host);
}

/*
 * The page table with private memory is that of the vDEVICE, and goes with it.
 */
static void test_renumbered_dma(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from, first;

    sim_start_behind(host);
    sim_run(host);
    first = sim_now(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    first = sim_find(host, first, "HWPT_ALLOC");
    sim_ok(host, TDCM_OP_UNBIND);
    sim_renumber(host);
    from = sim_now(host);
    sim_run(host);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmphex(sim_event(host, sim_find(host, from, "DESTROY"))->args[0],
                    ==, sim_event(host, first)->args[0]);
    sim_in_order(host, from, "DESTROY", "DESTROY", "VDEVICE_ALLOC",
                 "HWPT_ALLOC", "ATTACH_IOMMUFD", NULL);
    g_assert_true(sim_attached_private(host));
}

/* What may still run is never seen shared: the frames are, without it. */
static void check_slot_first(SimHost *host, unsigned int from, uint64_t gpa,
                             uint64_t size)
{
    unsigned int slot = sim_find_args(host, from, "SET_MEMORY_REGION", gpa, 0);

    g_assert_cmpuint(slot, !=, UINT_MAX);
    g_assert_cmpuint(sim_find_args(host, from, "SET_ATTRIBUTES", gpa, size), >,
                     slot);
}

/*
 * KVM does not let go of what a TDX guest has of it: it stays, as it is, until
 * the TDI is unbound.
 */
static void check_slot_kept(SimHost *host, unsigned int from, uint64_t gpa)
{
    unsigned int slot = sim_find_args(host, from, "SET_MEMORY_REGION", gpa, 0);

    g_assert_cmpuint(slot, !=, UINT_MAX);
    g_assert_cmpint(sim_event(host, slot)->ret, ==, -EBUSY);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
}

/* Gone for good, before anything is there again; and shared */
static void check_slot_gone(SimHost *host, unsigned int from, uint64_t gpa,
                            uint64_t size)
{
    unsigned int at = from, deleted;

    do {
        deleted = sim_find_args(host, at, "SET_MEMORY_REGION", gpa, 0);
        g_assert_cmpuint(deleted, !=, UINT_MAX);
        at = deleted + 1;
    } while (sim_event(host, deleted)->ret);
    g_assert_cmpuint(sim_find_args(host, from, "SET_ATTRIBUTES", gpa, size), !=,
                     UINT_MAX);
    g_assert_cmpuint(sim_find_args(host, at, "SET_MEMORY_REGION", gpa, size),
                     !=, UINT_MAX);
}

static void test_bus_reset_stuck(SimHost *host)
{
    unsigned int from;

    sim_expect_stuck(host);
    sim_start_behind(host);
    sim_run(host);
    from = sim_now(host);
    sim_fail(host, "TSM_UNBIND", 1, EIO);
    sim_bus_reset(host);
    g_assert_cmpuint(sim_count(host, from, "RESET"), ==, 0);
    if (host->tdx) {
        check_slot_kept(host, from, SIM_BAR0);
        check_slot_kept(host, from, SIM_BAR2);
    } else {
        check_slot_first(host, from, SIM_BAR0, SIM_MSIX_TABLE);
        check_slot_first(host, from, SIM_BAR2, SIM_BAR2_SIZE);
    }
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
    sim_qmp_state(host, "unknown");
    from = sim_now(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_qmp_state(host, "config-unlocked");
    sim_map_port(host);
    if (host->tdx) {
        check_slot_gone(host, from, SIM_BAR2, SIM_BAR2_SIZE);
    }
    sim_run(host);
}

/* What the guest puts in the place of a slot that KVM keeps has none. */
static void test_kept_in_the_way(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint16_t ivshmem = 5 << 3;
    unsigned int from;

    host->after = "-object memory-backend-ram,id=m5,size=1M "
                  "-device ivshmem-plain,memdev=m5,addr=5.0";
    sim_expect_stuck(host);
    sim_expect(host, "KVM has one of a TDI there that could not be unbound");
    sim_start_behind(host);
    sim_run(host);
    sim_fail(host, "TSM_UNBIND", 1, EIO);
    sim_bus_reset(host);
    sim_qmp_state(host, "unknown");

    from = sim_now(host);
    sim_rid_write(host, ivshmem, 0x18, SIM_BAR2);
    sim_rid_write(host, ivshmem, 0x1c, 0);
    sim_rid_write(host, ivshmem, 0x04, PCI_COMMAND_MEMORY);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   0x100000), ==, UINT_MAX);
    sim_rid_write(host, ivshmem, 0x04, 0);
    /* Once the guest has unbound it, the next to come has it deleted. */
    sim_ok(host, TDCM_OP_UNBIND);
    from = sim_now(host);
    sim_rid_write(host, ivshmem, 0x04, PCI_COMMAND_MEMORY);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   0), <,
                     sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                                   0x100000));
}

/* Nor has another private BAR, and nobody says that it reads as all ones. */
static void test_kept_in_the_way_of_another(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    const uint16_t other = 5 << 3;
    unsigned int from, slot;

    host->after = "-device vfio-pci,id=dev1,fd=" stringify(SIM_SPARE_FD)
                  ",iommufd=i0,addr=5.0,private=on";
    sim_expect_stuck(host);
    sim_expect(host, "dev1 BAR 2 fd[0x0]: cannot be mapped into the guest at "
               "0xe0100000: File exists; KVM has a slot there of a TDI that "
               "could not be unbound: map it elsewhere, or unlock that device");
    sim_start_behind(host);
    sim_run(host);
    from = sim_now(host);
    sim_fail(host, "TSM_UNBIND", 1, EIO);
    sim_bus_reset(host);
    check_slot_kept(host, from, SIM_BAR2);

    from = sim_now(host);
    sim_rid_write(host, other, 0x18, SIM_BAR2);
    sim_rid_write(host, other, 0x1c, 0);
    sim_rid_write(host, other, 0x04, PCI_COMMAND_MEMORY);
    slot = sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                         SIM_BAR2_SIZE);
    g_assert_cmpuint(slot, !=, UINT_MAX);
    g_assert_cmpint(sim_event(host, slot)->ret, ==, -EEXIST);
    sim_rid_write(host, other, 0x04, 0);
    sim_ok(host, TDCM_OP_UNBIND);
    from = sim_now(host);
    sim_rid_write(host, other, 0x04, PCI_COMMAND_MEMORY);
    slot = sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR2,
                         SIM_BAR2_SIZE);
    g_assert_cmpuint(slot, !=, UINT_MAX);
    g_assert_cmpint(sim_event(host, slot)->ret, ==, 0);
}

/* It leaves, still bound; the kernel unbinds it as its vDEVICE goes. */
static void eject_stuck(SimHost *host, bool dma)
{
    unsigned int from;
    QDict *response;

    sim_expect_stuck(host);
    sim_start_behind(host);
    sim_run(host);
    if (dma) {
        sim_ok(host, TDCM_OP_ENABLE_DMA);
    }
    sim_fail(host, "TSM_UNBIND", 1, EIO);
    qtest_qmp_device_del_send(host->qts, "dev0");
    from = sim_now(host);
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    sim_in_order(host, from, "TSM_UNBIND", "SET_MEMORY_REGION",
                 "kernel unbinds", "close vfio", NULL);
    g_assert_cmpuint(host->shared->nr_objects, ==, 0);
    from = sim_now(host);
    response = sim_plug(host, 1);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    sim_map_port(host);
    if (host->tdx) {
        check_slot_gone(host, from, SIM_BAR2, SIM_BAR2_SIZE);
    }
    sim_run(host);
    if (dma) {
        /* Nobody has DMA any more who would need memory to be there. */
        from = sim_now(host);
        g_assert_cmphex(sim_convert(host, RAM, RAM_SIZE, true), ==, 0);
        g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 1);
        g_assert_cmpuint(sim_count(host, from, "POPULATE"), ==, 0);
    }
}

static void test_eject_stuck(SimHost *host)
{
    eject_stuck(host, false);
}

/* And its page table with private memory */
static void test_eject_stuck_dma(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    eject_stuck(host, true);
}

/*
 * Taken out while it runs: all that it had in the kernel goes, in order; also
 * what the main loop still polls, once it does not.
 */
static void test_eject(SimHost *host)
{
    unsigned int from;
    QDict *response;

    host->shared->polled = 3;
    sim_start_behind(host);
    sim_run(host);
    if (!host->tdx) {
        sim_ok(host, TDCM_OP_ENABLE_DMA);
    }
    qtest_qmp_device_del_send(host->qts, "dev0");
    from = sim_now(host);
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    sim_in_order(host, from, "TSM_UNBIND", "SET_ATTRIBUTES",
                 "SET_MEMORY_REGION", "DESTROY", "close dmabuf",
                 "DETACH_IOMMUFD", "FILE_DEL", "close vfio", NULL);
    g_assert_cmpuint(sim_find(host, from, "TSM_UNBIND"), <,
                     sim_find(host, from, "SET_ATTRIBUTES"));
    g_assert_cmpuint(sim_count(host, from, "kernel unbinds"), ==, 0);
    g_assert_cmpuint(host->shared->nr_objects, ==, 0);
    g_assert_cmpuint(host->shared->nr_maps, ==, 0);
    g_assert_cmpuint(host->shared->nr_private_maps, ==, 0);
    g_assert_cmpuint(host->shared->nr_dmabufs, ==, 0);
    g_assert_cmpuint(host->shared->nr_kvm_files, ==, 0);

    response = sim_plug(host, 1);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    sim_map_port(host);
    sim_run(host);
}

/* A request whose buffer is its own BAR does not keep it. */
static void test_eject_buffer(SimHost *host)
{
    unsigned int from;
    int i;

    sim_start_behind(host);
    g_assert_cmphex(sim_call(host, SIM_BEHIND_RID, SIM_BAR2, 4096, 0), ==,
                    sim_refused(host));
    qtest_qmp_device_del_send(host->qts, "dev0");
    from = sim_now(host);
    sim_eject(host);
    for (i = 0; i < 10000 && !sim_count(host, from, "close vfio"); i++) {
        g_usleep(1000);
    }
    sim_in_order(host, from, "close dmabuf", "close vfio", NULL);
    g_assert_cmpuint(host->shared->nr_dmabufs, ==, 0);
}

/* For ever: it leaves all the same, and QEMU says what is left behind. */
static void test_eject_polled(SimHost *host)
{
    unsigned int from;

    sim_expect(host, "vfio dev0: iommufd keeps the queue of the TDI's events: "
               "Device or resource busy");
    sim_expect(host, "Failed to free id: ");
    host->shared->polled = UINT32_MAX;
    sim_start_behind(host);
    sim_run(host);
    qtest_qmp_device_del_send(host->qts, "dev0");
    from = sim_now(host);
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    sim_in_order(host, from, "TSM_UNBIND", "DESTROY", "DETACH_IOMMUFD",
                 "close vfio", NULL);
}

static const SimTest tests[] = {
    { "renumbered", test_renumbered },
    { "renumbered-no-vdevice", test_renumbered_no_vdevice },
    { "same-rid", test_same_rid },
    { "out-of-reach", test_out_of_reach },
    { "bus-reset-stuck", test_bus_reset_stuck },
    { "eject", test_eject },
    { "eject-buffer", test_eject_buffer },
    { "eject-stuck", test_eject_stuck },
    { "eject-polled", test_eject_polled },
};

void sim_test_add_port(void)
{
    sim_add_tests("port", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/sw/port/renumbered-dma",
                   test_renumbered_dma);
    qtest_add_func("vfio-private-sim/sw/port/eject-stuck-dma",
                   test_eject_stuck_dma);
    /* KVM keeps slots of TDs only. */
    qtest_add_func("vfio-private-sim/port/kept-in-the-way",
                   test_kept_in_the_way);
    qtest_add_func("vfio-private-sim/port/kept-in-the-way-of-another",
                   test_kept_in_the_way_of_another);
}
