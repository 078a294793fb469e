/*
 * QTest of private device assignment on a simulated host: software-protected
 * VMs
 *
 * What such a guest has of its own; the rest is tested for both kinds.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "vfio-private-sim.h"

#define PAGE 4096

/* It goes on with the RAM that it had, and with what is in there. */
static void test_wakeup(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    unsigned int from;

    sim_fail(host, "VIOMMU_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 2 * PAGE, true), ==, 0);
    from = sim_now(host);
    sim_sleep(host);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_wakeup' }");
    qtest_qmp_eventwait(host->qts, "WAKEUP");
    g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 0);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 2 * PAGE, true), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
}

/* It has a reason of its own not to be migrated, besides the device. */
static void test_no_migration(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    QDict *info;
    QList *reasons;
    QListEntry *entry;
    bool found = false;

    sim_start(host);
    info = qtest_qmp_assert_success_ref(host->qts,
                                        "{ 'execute': 'query-migrate' }");
    reasons = qdict_get_qlist(info, "blocked-reasons");
    QLIST_FOREACH_ENTRY(reasons, entry) {
        found |= !strcmp(qstring_get_str(qobject_to(QString,
                                                    qlist_entry_obj(entry))),
                         "sw-protected-vm: private memory cannot be migrated "
                         "or saved");
    }
    g_assert_true(found);
    qobject_unref(info);
}

/* The VM is of its kind for as long as there is a VM. */
static void test_object_del(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    QDict *response;

    sim_start_mapped(host);
    response = qtest_qmp(host->qts, "{ 'execute': 'object-del',"
                         " 'arguments': { 'id': 'c0' } }");
    g_assert_true(qdict_haskey(response, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(response, "error"), "desc"),
                    ==, "object 'c0' is in use, can not be deleted");
    qobject_unref(response);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 2 * PAGE, true), ==, 0);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(host->qts, "RESET");
}

static char *cpu_path(SimHost *host)
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-cpus-fast' }");
    QList *list = qdict_get_qlist(response, "return");
    QDict *cpu = qobject_to(QDict, qlist_peek(list));
    char *path = g_strdup(qdict_get_str(cpu, "qom-path"));

    qobject_unref(response);
    return path;
}

/* Does QEMU ask the guest to keep its RAM private? */
static bool asks_for_private_ram(const char *args, const char *cpu)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    g_autofree char *path = NULL;
    QDict *response;
    bool asks;

    host->before = args;
    host->cpu = cpu;
    sim_start(host);
    path = cpu_path(host);
    response = qtest_qmp(host->qts, "{ 'execute': 'qom-get', 'arguments': {"
                         " 'path': %s, 'property': 'kvm-private-ram' } }",
                         path);
    asks = qdict_get_bool(response, "return");
    qobject_unref(response);
    return asks;
}

#define GUEST(value) "-machine confidential-guest-support=c1 " \
    "-object sw-protected-vm,id=c1,private-memory=" value
#define HOST_CPU " -cpu host"

static void test_private_memory(void)
{
    g_assert_true(asks_for_private_ram(NULL, NULL));
    g_assert_true(asks_for_private_ram(GUEST("auto"), NULL));
    g_assert_true(asks_for_private_ram(GUEST("on"), NULL));
    g_assert_false(asks_for_private_ram(GUEST("off"), NULL));
    g_assert_false(asks_for_private_ram(NULL, ",kvm-private-ram=off"));
    /* A CPU that has all that is offered, and one that asks for it by name */
    g_assert_true(asks_for_private_ram(GUEST("on") HOST_CPU, NULL));
    g_assert_false(asks_for_private_ram(GUEST("off") HOST_CPU, NULL));
    g_assert_false(asks_for_private_ram(GUEST("off"), ",kvm-private-ram=on"));
}

/* This KVM would look into the shared view of it. */
static void test_private_memory_refused(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    g_autofree char *err = NULL;

    host->before = GUEST("on");
    host->shared->caps_off[0] = KVM_CAP_EXIT_HYPERCALL;
    err = sim_start_fails(host);
    g_assert_nonnull(strstr(err, "sw-protected-vm,private-memory=on requires a "
                            "KVM that reads private memory"));
}

void sim_test_add_sw(void)
{
    qtest_add_func("vfio-private-sim/sw/wakeup", test_wakeup);
    qtest_add_func("vfio-private-sim/sw/no-migration", test_no_migration);
    qtest_add_func("vfio-private-sim/sw/object-del", test_object_del);
    qtest_add_func("vfio-private-sim/sw/private-memory", test_private_memory);
    qtest_add_func("vfio-private-sim/sw/private-memory-refused",
                   test_private_memory_refused);
}
