/*
 * QTest of private device assignment on a simulated host: what comes when
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm-tdcm.h>
#include <linux/iommufd-tsm.h>
#include <linux/tdcm.h>
#include <linux/vfio-private.h>
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "standard-headers/linux/kvm_para.h"
#include "standard-headers/linux/pci_regs.h"
#include "vfio-private-sim.h"

/*
 * Refusals
 */

typedef struct RefusalCase {
    const char *name;
    uint32_t cap;       /* that KVM does not have */
    const char *call;   /* that fails */
    uint32_t at;
    int err;
    const char *text;
} RefusalCase;

#define NEEDS_KERNEL ": boot a host kernel with patches-kernel/ applied"

static const RefusalCase refusals[] = {
    { "no-vfio-dmabuf", KVM_CAP_VFIO_DMABUF, NULL, 0, 0,
      "vfio fd %d: private=on requires KVM_CAP_VFIO_DMABUF" NEEDS_KERNEL },
    { "no-resample", KVM_CAP_IRQFD_RESAMPLE, NULL, 0, 0,
      "vfio fd %d: private=on requires KVM to end interrupts by itself: use "
      "-machine kernel-irqchip=on" },
    { "no-vm-type", KVM_CAP_VM_TYPES, NULL, 0, 0,
      "vm-type software-protected not supported by KVM" },
    { "no-private-memory", KVM_CAP_MEMORY_ATTRIBUTES, NULL, 0, 0,
      "KVM does not support guest_memfd" },
    { "no-guest-memfd", KVM_CAP_GUEST_MEMFD, NULL, 0, 0,
      "KVM does not support guest_memfd" },
    { "bind-unknown-flag", 0, "BIND_IOMMUFD", 1, EINVAL,
      "vfio dev0: private=on requires VFIO_DEVICE_BIND_FLAG_PRIVATE, which the "
      "kernel refuses" NEEDS_KERNEL },
    { "bind-other-driver", 0, "BIND_IOMMUFD", 1, EOPNOTSUPP,
      "vfio dev0: private=on is not supported by the host driver of the "
      "device: bind it to vfio-pci" },
    { "no-dma-buf", 0, "DMA_BUF", 1, ENOTTY,
      "vfio dev0: BAR 0: cannot export 0x8000 bytes at 0x0 as a dma-buf: "
      "Inappropriate ioctl for device" },
    { "no-third-dma-buf", 0, "DMA_BUF", 3, ENOMEM,
      "vfio dev0: BAR 2: cannot export 0x100000 bytes at 0x0 as a dma-buf: "
      "Cannot allocate memory" },
};

static void test_refuses(gconstpointer data)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    const RefusalCase *c = data;
    g_autofree char *text = NULL, *err = NULL;

    text = g_strdup_printf(c->text, SIM_DEVICE_FD);
    host->shared->caps_off[0] = c->cap;
    if (c->call) {
        sim_fail(host, c->call, c->at, c->err);
    }
    err = sim_start_fails(host);
    /* One line, and the end of it. */
    g_assert_null(strchr(err, '\n'));
    if (!g_str_has_suffix(err, text)) {
        g_assert_cmpstr(err, ==, text);
    }
    g_assert_cmpuint(sim_count(host, 0, "RUN"), ==, 0);
    g_assert_cmpuint(sim_count(host, 0, "mmap"), ==, 0);
}

/* Whoever starts the accelerator has something to add. */
static void test_no_exit_hypercall(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    g_autofree char *err = NULL;

    sim_fail(host, "ENABLE_CAP", 1, EINVAL);
    err = sim_start_fails(host);
    g_assert_nonnull(strstr(err, "sw-protected-vm requires "
                            "KVM_CAP_EXIT_HYPERCALL: boot a newer host "
                            "kernel\n"));
    g_assert_cmpuint(sim_count(host, 0, "RUN"), ==, 0);
}

/*
 * Start
 */

/* The hypercalls that QEMU wants to see, as far as KVM has them */
static void test_hypercalls(void)
{
    const uint64_t convert = 1 << KVM_HC_MAP_GPA_RANGE;
    const uint64_t tdcm = 1 << KVM_HC_TDCM;
    int old;

    for (old = 0; old < 2; old++) {
        g_autoptr(SimHost) host = sim_host_new(false);
        unsigned int at;

        host->shared->caps_off[0] = old ? KVM_CAP_EXIT_HYPERCALL : 0;
        if (old) {
            sim_expect(host, "(TDCM)");
        }
        sim_start(host);
        at = sim_find_args(host, 0, "ENABLE_CAP", KVM_CAP_EXIT_HYPERCALL,
                           old ? convert : convert | tdcm);
        g_assert_cmpuint(at, !=, UINT_MAX);
    }
}

/* Rule 1 of the order, and what QEMU asks of the kernel. */
static void test_start(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    const SimEvent *event;
    unsigned int at;

    sim_start(host);
    sim_in_order(host, 0, "CREATE_VM", "FILE_ADD", "BIND_IOMMUFD",
                 "HWPT_ALLOC", "ATTACH_IOMMUFD", "DMA_BUF", "VIOMMU_ALLOC",
                 "VDEVICE_ALLOC", "RUN", NULL);
    event = sim_event(host, sim_find(host, 0, "CREATE_VM"));
    g_assert_cmpuint(event->args[0], ==, KVM_X86_SW_PROTECTED_VM);
    event = sim_event(host, sim_find(host, 0, "BIND_IOMMUFD"));
    g_assert_cmpuint(event->args[0], ==, VFIO_DEVICE_BIND_FLAG_PRIVATE);
    event = sim_event(host, sim_find(host, 0, "VIOMMU_ALLOC"));
    g_assert_cmpuint(event->args[0], ==, IOMMU_VIOMMU_TYPE_TSM);
    event = sim_event(host, sim_find(host, 0, "VDEVICE_ALLOC"));
    g_assert_cmpuint(event->args[0], ==, SIM_RID);
    at = sim_find(host, 0, "RUN");
    g_assert_cmpuint(sim_count(host, at, "VIOMMU_ALLOC"), ==, 0);
    g_assert_cmpuint(sim_count(host, at, "VDEVICE_ALLOC"), ==, 0);
}

static const struct {
    uint32_t bar;
    uint64_t offset;
    uint64_t size;
    uint64_t gpa;
} slices[] = {
    { 0, 0, SIM_MSIX_TABLE, SIM_BAR0 },
    { 0, SIM_MSIX_END, SIM_BAR0_SIZE - SIM_MSIX_END, SIM_BAR0 + SIM_MSIX_END },
    { 2, 0, SIM_BAR2_SIZE, SIM_BAR2 },
};

/* The same file for KVM and for the IOMMU, and only once the BAR is mapped. */
static void test_slices(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int i, exported, slot, map, command;

    sim_start_mapped(host);
    g_assert_cmpuint(sim_count(host, 0, "DMA_BUF"), ==, ARRAY_SIZE(slices));
    command = sim_find_args(host, 0, "write", SIM_CONFIG_REGION, 4);
    g_assert_cmpuint(command, !=, UINT_MAX);
    for (i = 0; i < ARRAY_SIZE(slices); i++) {
        exported = sim_find_args(host, 0, "DMA_BUF", slices[i].bar,
                                 slices[i].offset);
        slot = sim_find_args(host, command, "SET_MEMORY_REGION", slices[i].gpa,
                             slices[i].size);
        map = sim_find_args(host, command, "MAP_FILE", slices[i].gpa,
                            slices[i].size);
        g_assert_cmpuint(sim_event(host, exported)->args[2], ==,
                         slices[i].size);
        g_assert_cmpuint(sim_event(host, slot)->args[2], ==,
                         KVM_MEM_VFIO_DMABUF);
        g_assert_cmpuint(sim_event(host, slot)->args[3], ==,
                         sim_event(host, exported)->ret);
        g_assert_cmpint(sim_event(host, slot)->ret, ==, 0);
        g_assert_cmpuint(sim_event(host, map)->args[2], ==,
                         sim_event(host, exported)->ret);
        g_assert_cmpint(sim_event(host, map)->ret, ==, 0);
    }
}

/* What query-tdi says of the slice @i */
static void check_queried(QDict *info, int i, bool mapped,
                          const char *attribute, bool dma)
{
    const QListEntry *entry = qlist_first(qdict_get_qlist(info, "slices"));
    QDict *slice;
    int nr;

    for (nr = 0; nr < i; nr++) {
        entry = qlist_next(entry);
    }
    slice = qobject_to(QDict, qlist_entry_obj(entry));
    g_assert_cmpint(qdict_get_int(slice, "bar"), ==, slices[i].bar);
    g_assert_cmphex(qdict_get_int(slice, "offset"), ==, slices[i].offset);
    g_assert_cmphex(qdict_get_int(slice, "size"), ==, slices[i].size);
    g_assert_cmpstr(qdict_get_str(slice, "attribute"), ==, attribute);
    g_assert_cmphex(qdict_get_try_int(slice, "address", 0), ==,
                    mapped ? slices[i].gpa : 0);
    g_assert_cmpint(qdict_get_bool(slice, "kvm"), ==, mapped);
    g_assert_cmpint(qdict_get_bool(slice, "dma"), ==, dma);
}

/* @attributes: of the slices; NULL: they are not mapped */
static void check_query(SimHost *host, const char *const attributes[],
                        const bool dma[])
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-tdi' }");
    QDict *info = qobject_to(QDict,
                             qlist_peek(qdict_get_qlist(response, "return")));
    unsigned int i;

    g_assert_cmpuint(qlist_size(qdict_get_qlist(info, "slices")), ==,
                     ARRAY_SIZE(slices));
    for (i = 0; i < ARRAY_SIZE(slices); i++) {
        check_queried(info, i, attributes,
                      attributes ? attributes[i] : "shared",
                      attributes && dma[i]);
    }
    qobject_unref(response);
}

static void test_query(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    const char *const shared[] = { "shared", "shared", "shared" };
    const char *const mixed[] = { "mixed", "shared", "mixed" };
    const char *const private[] = { "private", "shared", "private" };

    sim_start(host);
    check_query(host, NULL, NULL);
    sim_map_bars(host);
    sim_command(host, 6);
    check_query(host, shared, (const bool[]) { true, true, true });
    sim_lock(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR0 + SIM_MSIX_TABLE - 4096, 4096,
                                true), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 4096, true), ==, 0);
    check_query(host, mixed, (const bool[]) { true, true, true });
    sim_make_private(host);
    sim_ok(host, TDCM_OP_START_TDI);
    check_query(host, private, (const bool[]) { false, true, false });
    sim_ok(host, TDCM_OP_UNBIND);
    check_query(host, shared, (const bool[]) { true, true, true });
}

/* From start to end QEMU neither maps a BAR nor reads or writes one. */
static void check_never_touched(SimHost *host)
{
    unsigned int at;

    g_assert_cmpuint(sim_count(host, 0, "mmap"), ==, 0);
    for (at = 0; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (!strcmp(event->name, "read") || !strcmp(event->name, "write")) {
            g_assert_cmpuint(event->args[0], ==, SIM_CONFIG_REGION);
        }
    }
}

static void test_never_touched(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    uint64_t offset;

    sim_start_mapped(host);
    for (offset = 0; offset < SIM_BAR0_SIZE; offset += 0x1000) {
        /* QEMU answers for the MSI-X table, and nothing for the rest. */
        qtest_writel(host->qts, SIM_BAR0 + offset, 1);
        qtest_readl(host->qts, SIM_BAR0 + offset);
    }
    /* No interrupt is pending: that is known without the device. */
    g_assert_cmphex(qtest_readl(host->qts, SIM_BAR0 + SIM_MSIX_PBA), ==, 0);
    qtest_writel(host->qts, SIM_BAR2, 1);
    g_assert_cmphex(qtest_readl(host->qts, SIM_BAR2), ==, UINT32_MAX);
    sim_run(host);
    qtest_writel(host->qts, SIM_BAR2, 1);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_quit(host);
    check_never_touched(host);
}

/* Since @from, and after the write to the command register */
static void after_command(SimHost *host, unsigned int from,
                                  const char *name, uint64_t arg0,
                                  uint64_t arg1)
{
    unsigned int command = sim_find_args(host, from, "write",
                                         SIM_CONFIG_REGION, 4);
    unsigned int at = sim_find_args(host, from, name, arg0, arg1);

    g_assert_cmpuint(command, !=, UINT_MAX);
    g_assert_cmpuint(at, !=, UINT_MAX);
    g_assert_cmpuint(at, >, command);
}

/*
 * Off and on again: both times the kernel first, which revokes what is mapped,
 * or makes it possible to map it.
 */
static void test_decode(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int i, from;

    sim_start_mapped(host);
    from = sim_now(host);
    sim_command(host, 0);
    for (i = 0; i < ARRAY_SIZE(slices); i++) {
        after_command(host, from, "SET_MEMORY_REGION", slices[i].gpa, 0);
        after_command(host, from, "UNMAP", slices[i].gpa, slices[i].size);
    }
    from = sim_now(host);
    sim_command(host, 6);
    for (i = 0; i < ARRAY_SIZE(slices); i++) {
        after_command(host, from, "SET_MEMORY_REGION", slices[i].gpa,
                      slices[i].size);
        after_command(host, from, "MAP_FILE", slices[i].gpa, slices[i].size);
    }
}

/* Returns whether the host sees it. */
static bool sim_devctl(SimHost *host, uint32_t value)
{
    unsigned int from = sim_now(host);
    unsigned int at;

    sim_config_write(host, SIM_CAP_EXP + PCI_EXP_DEVCTL, value);
    at = sim_find_args(host, from, "write", SIM_CONFIG_REGION,
                       SIM_CAP_EXP + PCI_EXP_DEVCTL);
    return at != UINT_MAX;
}

static void check_flr(SimHost *host, unsigned int from)
{
    unsigned int flr = sim_find(host, from, "write");
    unsigned int i, unmap;

    for (i = 0; i < ARRAY_SIZE(slices); i++) {
        if (slices[i].bar == 2) {
            continue;
        }
        unmap = sim_find_args(host, flr, "UNMAP", slices[i].gpa,
                              slices[i].size);
        g_assert_cmpuint(unmap, !=, UINT_MAX);
        g_assert_cmpuint(sim_find_args(host, unmap, "MAP_FILE", slices[i].gpa,
                                       slices[i].size), !=, UINT_MAX);
    }
    /* What is private is not mapped; KVM maps all of it again by itself. */
    g_assert_cmpuint(sim_find_args(host, flr, "MAP_FILE", SIM_BAR2,
                                   SIM_BAR2_SIZE), ==, UINT_MAX);
    g_assert_cmpuint(sim_count(host, flr, "SET_MEMORY_REGION"), ==, 0);
    g_assert_cmpuint(sim_count(host, flr, "SET_ATTRIBUTES"), ==, 0);
}

static void check_no_flr(SimHost *host, unsigned int from)
{
    sim_find(host, from, "write");
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "MAP_FILE"), ==, 0);
}

/*
 * A guest's FLR, of either kind, revokes what the IOMMU has mapped, and no
 * listener sees it.
 */
static void test_flr(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    /* No TSM: the guest converts at will. */
    sim_fail(host, "VIOMMU_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
    from = sim_now(host);
    g_assert_true(sim_devctl(host, PCI_EXP_DEVCTL_RELAX_EN));
    check_no_flr(host, from);
    from = sim_now(host);
    g_assert_true(sim_devctl(host, PCI_EXP_DEVCTL_BCR_FLR));
    check_flr(host, from);

    from = sim_now(host);
    sim_config_write(host, SIM_CAP_AF + PCI_AF_CTRL, PCI_AF_CTRL_FLR << 8);
    check_no_flr(host, from);
    from = sim_now(host);
    sim_config_write(host, SIM_CAP_AF + PCI_AF_CTRL, PCI_AF_CTRL_FLR);
    check_flr(host, from);
    /* The register alone */
    from = sim_now(host);
    qtest_outb(host->qts, 0xcfc, PCI_AF_CTRL_FLR);
    check_flr(host, from);
}

/* Of a TDI it would take the MMIO away: the device does not see it. */
static void test_flr_bound(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_start_mapped(host);
    sim_lock(host);
    from = sim_now(host);
    sim_devctl(host, PCI_EXP_DEVCTL_BCR_FLR);
    g_assert_cmphex(sim_config_read(host, SIM_CAP_EXP + PCI_EXP_DEVCTL) &
                    PCI_EXP_DEVCTL_BCR_FLR, ==, 0);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 0);
    sim_qmp_state(host, "config-locked");
}

/*
 * What does not answer has no bits that could be kept as they are: not a write
 * goes through, which would be a reset of one that answers again.
 */
static void test_no_answer(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    sim_start_mapped(host);
    sim_lock(host);
    g_assert_true(sim_devctl(host, PCI_EXP_DEVCTL_RELAX_EN));
    host->shared->no_answer = 1;
    g_assert_false(sim_devctl(host, PCI_EXP_DEVCTL_RELAX_EN));
    host->shared->no_answer = 0;
    g_assert_true(sim_devctl(host, 0));
    sim_qmp_state(host, "config-locked");
}

/* A slot that cannot be made costs the guest the BAR, and nothing else. */
static void test_slot_fails(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_start(host);
    sim_expect_once(host, "dev0 BAR 0 fd[0x0]: cannot be mapped into the guest "
                    "at 0xe0000000: No such device; it reads as all ones");
    sim_expect_once(host, "dev0 BAR 0 fd[0xa000]: cannot be mapped into the "
                    "guest at 0xe000a000: No such device; it reads as all "
                    "ones");
    sim_fail_always(host, "SET_MEMORY_REGION", ENODEV);
    sim_config_write(host, 0x10, SIM_BAR0);
    sim_command(host, 6);
    g_assert_cmphex(qtest_readl(host->qts, SIM_BAR0), ==, UINT32_MAX);
    /* The guest can make it fail as often as it likes. */
    from = sim_now(host);
    sim_command(host, 0);
    sim_command(host, 6);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION", SIM_BAR0,
                                   SIM_MSIX_TABLE), !=, UINT_MAX);
    sim_fail_no_more(host);
    sim_command(host, 0);
    sim_command(host, 6);
    g_assert_cmpuint(sim_find_args(host, 0, "MAP_FILE", SIM_BAR0,
                                   SIM_MSIX_TABLE), !=, UINT_MAX);
}

/* The end of a device that was never bound */
static void test_end(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_start_mapped(host);
    from = sim_now(host);
    sim_quit(host);
    g_assert_cmpuint(sim_count(host, from, "TSM_UNBIND"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "kernel unbinds"), ==, 0);
}

void sim_test_add_order(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("vfio-private-sim/refuses/%s",
                                                refusals[i].name);

        qtest_add_data_func(path, &refusals[i], test_refuses);
    }
    qtest_add_func("vfio-private-sim/refuses/no-exit-hypercall",
                   test_no_exit_hypercall);
    qtest_add_func("vfio-private-sim/order/hypercalls", test_hypercalls);
    qtest_add_func("vfio-private-sim/order/start", test_start);
    qtest_add_func("vfio-private-sim/order/slices", test_slices);
    qtest_add_func("vfio-private-sim/order/query", test_query);
    qtest_add_func("vfio-private-sim/order/never-touched", test_never_touched);
    qtest_add_func("vfio-private-sim/order/decode", test_decode);
    qtest_add_func("vfio-private-sim/order/flr", test_flr);
    qtest_add_func("vfio-private-sim/order/flr-bound", test_flr_bound);
    qtest_add_func("vfio-private-sim/order/no-answer", test_no_answer);
    qtest_add_func("vfio-private-sim/order/slot-fails", test_slot_fails);
    qtest_add_func("vfio-private-sim/order/end", test_end);
}
