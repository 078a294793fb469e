/*
 * QTest of private device assignment on a simulated host:
 * query-tdi-capabilities
 *
 * What it says is missing is what a device is refused for, in the same words.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm-tdcm.h>
#include <linux/tdcm.h>
#include <linux/vfio-private.h>
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "vfio-private-sim.h"

static const char *const interfaces[] = {
    "kvm-slots", "kvm-attributes", "kvm-private-mmio", "kvm-tdcm",
    "vfio-private", "iommufd-tsm", "iommufd-events",
};

#define ALL_FOUND "fffffff"
#define NO_DEVICE "ffff???"

static QDict *query(SimHost *host)
{
    return qtest_qmp_assert_success_ref(
        host->qts, "{ 'execute': 'query-tdi-capabilities' }");
}

/*
 * Of each interface in its turn, @expected has the first letter of its status,
 * and a question mark for unknown.  Returns why the first that is missing is.
 */
static char *check_interfaces(QDict *caps, const char *expected)
{
    QList *list = qdict_get_qlist(caps, "interfaces");
    const QListEntry *entry;
    char *reason = NULL;
    int i = 0;

    QLIST_FOREACH_ENTRY(list, entry) {
        QDict *info = qobject_to(QDict, qlist_entry_obj(entry));
        const char *status = qdict_get_str(info, "status");
        bool missing = !strcmp(status, "missing");

        g_assert_cmpint(i, <, ARRAY_SIZE(interfaces));
        g_assert_cmpstr(qdict_get_str(info, "interface"), ==, interfaces[i]);
        g_assert_cmpint(strcmp(status, "unknown") ? *status : '?', ==,
                        expected[i]);
        g_assert_cmpint(qdict_haskey(info, "reason"), ==, missing);
        if (missing && !reason) {
            reason = g_strdup(qdict_get_str(info, "reason"));
        }
        i++;
    }
    g_assert_cmpint(i, ==, ARRAY_SIZE(interfaces));
    return reason;
}

static void check_guest(SimHost *host, QDict *caps)
{
    g_assert_cmpstr(qdict_get_str(caps, "guest"), ==,
                    host->ordinary ? "ordinary" :
                    host->tdx ? "tdx" : "software");
}

/* Of what is said in the way, the first; NULL if nothing is */
static const char *first_reason(QDict *caps)
{
    QList *list = qdict_get_qlist(caps, "reasons");

    return qlist_empty(list) ? NULL :
           qstring_get_str(qobject_to(QString, qlist_peek(list)));
}

/* A device is refused, and that is why. */
static void check_refused(QDict *response, const char *reason)
{
    const char *desc;

    g_assert_true(qdict_haskey(response, "error"));
    desc = qdict_get_str(qdict_get_qdict(response, "error"), "desc");
    if (!g_str_has_suffix(desc, reason)) {
        g_assert_cmpstr(desc, ==, reason);
    }
    qobject_unref(response);
}

static void plug(SimHost *host)
{
    QDict *response = sim_plug(host, 0);

    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
}

/* As sim_plug(), one more behind "rp1" */
static QDict *plug_another(SimHost *host)
{
    g_autofree char *fd = g_strdup_printf("%d", SIM_SPARE_FD + 1);

    return qtest_qmp(host->qts, "{ 'execute': 'device_add', 'arguments': {"
                     " 'driver': 'vfio-pci', 'id': 'dev1', 'fd': %s,"
                     " 'iommufd': 'i0', 'private': true, 'bus': 'rp1' } }", fd);
}

/* What the VM lacks: told without a device, and why one is refused */
static void test_vm_lacks(SimHost *host, unsigned int cap, const char *expected)
{
    g_autofree char *reason = NULL, *text = NULL;
    QDict *caps;

    host->plugged = true;
    host->shared->caps_off[0] = cap;
    sim_start(host);
    caps = query(host);
    check_guest(host, caps);
    reason = check_interfaces(caps, expected);
    g_assert_nonnull(first_reason(caps));
    check_refused(sim_plug(host, 0), first_reason(caps));
    if (reason) {
        g_assert_cmpstr(reason, ==, first_reason(caps));
    }
    text = qtest_hmp(host->qts, "info tdi");
    g_assert_nonnull(strstr(text, first_reason(caps)));
    g_assert_cmpint(strstr(text, "missing: ") != NULL, ==, reason != NULL);
    qobject_unref(caps);
}

static void test_no_slots(SimHost *host)
{
    test_vm_lacks(host, KVM_CAP_VFIO_DMABUF, "mfmf???");
}

static void test_no_resample(SimHost *host)
{
    test_vm_lacks(host, KVM_CAP_IRQFD_RESAMPLE, NO_DEVICE);
}

static void test_ordinary(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    host->ordinary = true;
    /*
     * KVM does not tell whether another kind of VM would have private memory.
     */
    test_vm_lacks(host, 0, "f??????");
}

/*
 * A virtual IOMMU is in the way of every device, but one of an ordinary guest.
 */
static void test_viommu(SimHost *host)
{
    QDict *caps;

    host->plugged = true;
    host->before = "-device intel-iommu";
    sim_start(host);
    caps = query(host);
    check_refused(sim_plug(host, 0), first_reason(caps));
    g_assert_nonnull(strstr(first_reason(caps), "virtual IOMMU"));
    g_assert_null(check_interfaces(caps, NO_DEVICE));
    qobject_unref(caps);
}

/* That reaches the root bus of an expander as well. */
static void test_viommu_expander(SimHost *host)
{
    QDict *caps;

    host->plugged = true;
    host->before = "-device intel-iommu -device pxb-pcie,id=pxb0,bus_nr=64";
    host->after = "-device pcie-root-port,id=rp1,bus=pxb0,chassis=2";
    sim_start(host);
    caps = query(host);
    check_refused(plug_another(host), first_reason(caps));
    g_assert_nonnull(strstr(first_reason(caps), "virtual IOMMU"));
    qobject_unref(caps);
}

/* It is none if a device can be plugged where that does not reach. */
static void test_viommu_bypassed(SimHost *host)
{
    QDict *caps;

    host->plugged = true;
    host->before = "-device intel-iommu "
                   "-device pxb-pcie,id=pxb0,bus_nr=64,bypass_iommu=on";
    sim_start(host);
    caps = query(host);
    g_assert_null(first_reason(caps));
    qobject_unref(caps);
}

/* All that is in the way is told, not only what comes first. */
static void test_all_reasons(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    g_autofree char *reason = NULL;
    QDict *caps;

    host->ordinary = true;
    host->plugged = true;
    host->shared->caps_off[0] = KVM_CAP_VFIO_DMABUF;
    host->shared->caps_off[1] = KVM_CAP_IRQFD_RESAMPLE;
    sim_start(host);
    caps = query(host);
    reason = check_interfaces(caps, "m??????");
    g_assert_nonnull(strstr(reason, "private=on requires KVM_CAP_VFIO_DMABUF"));
    g_assert_cmpint(qlist_size(qdict_get_qlist(caps, "reasons")), ==, 3);
    qobject_unref(caps);
}

/* Nothing is in the way, and a device shows the rest. */
static void test_found(SimHost *host)
{
    g_autofree char *text = NULL;
    QDict *caps;

    host->plugged = true;
    sim_start(host);
    caps = query(host);
    check_guest(host, caps);
    g_assert_null(first_reason(caps));
    g_assert_null(check_interfaces(caps, NO_DEVICE));
    qobject_unref(caps);
    plug(host);
    caps = query(host);
    g_assert_null(first_reason(caps));
    g_assert_null(check_interfaces(caps, ALL_FOUND));
    qobject_unref(caps);
    text = qtest_hmp(host->qts, "info tdi");
    g_assert_null(strstr(text, "missing: "));
}

/* A kernel without private bindings; one whose device is in use has them. */
static void test_no_private_bind(SimHost *host)
{
    g_autofree char *reason = NULL;
    QDict *caps;

    host->plugged = true;
    sim_start(host);
    sim_fail_always(host, "BIND_IOMMUFD", EINVAL);
    qobject_unref(sim_plug(host, 0));
    caps = query(host);
    g_assert_null(check_interfaces(caps, NO_DEVICE));
    qobject_unref(caps);
    sim_fail_no_more(host);
    sim_fail(host, "BIND_IOMMUFD", 1, EINVAL);
    check_refused(sim_plug(host, 1), "private=on requires "
                  "VFIO_DEVICE_BIND_FLAG_PRIVATE, which the kernel refuses: "
                  "boot a host kernel with patches-kernel/ applied");
    caps = query(host);
    /* It is no reason that would not depend on the device. */
    g_assert_null(first_reason(caps));
    reason = check_interfaces(caps, "ffffm??");
    sim_fail(host, "BIND_IOMMUFD", 1, EINVAL);
    check_refused(sim_plug(host, 2), reason);
    qobject_unref(caps);
}

/* A kernel that cannot bind: the device works, but for tdi-bind */
static void test_no_tsm(SimHost *host)
{
    g_autofree char *reason = NULL;
    QDict *caps;

    host->plugged = true;
    sim_start(host);
    sim_fail(host, "VIOMMU_ALLOC", 1, EOPNOTSUPP);
    plug(host);
    caps = query(host);
    g_assert_null(first_reason(caps));
    reason = check_interfaces(caps, "fffffm?");
    check_refused(qtest_qmp(host->qts, "{ 'execute': 'tdi-bind', 'arguments': {"
                            " 'id': 'dev0' } }"), reason);
    qobject_unref(caps);
}

/* What one device has found another one cannot take away, but add. */
static void test_one_of_two(SimHost *host, bool first)
{
    g_autofree char *reason = NULL;
    QDict *response, *caps;

    host->plugged = true;
    host->after = "-device pcie-root-port,id=rp1,addr=3.0,chassis=2,slot=2";
    sim_start(host);
    sim_fail(host, "VIOMMU_ALLOC", first ? 1 : 2, EOPNOTSUPP);
    plug(host);
    caps = query(host);
    reason = check_interfaces(caps, first ? "fffffm?" : ALL_FOUND);
    qobject_unref(caps);
    response = plug_another(host);
    g_assert_false(qdict_haskey(response, "error"));
    qobject_unref(response);
    caps = query(host);
    g_assert_null(check_interfaces(caps, ALL_FOUND));
    qobject_unref(caps);
}

static void test_first_fails(SimHost *host)
{
    test_one_of_two(host, true);
}

static void test_second_fails(SimHost *host)
{
    test_one_of_two(host, false);
}

/*
 * What the device does without, but nothing can lock it: it is told before
 * there is a device, by one line when there is, and to whoever tries.
 */
static void test_no_lock(SimHost *host, const char *expected, const char *text)
{
    g_autofree char *reason = NULL;
    unsigned int from;
    QDict *caps;

    host->plugged = true;
    sim_expect(host, text);
    sim_start(host);
    caps = query(host);
    g_assert_null(first_reason(caps));
    reason = check_interfaces(caps, expected);
    g_assert_nonnull(strstr(reason, text));
    qobject_unref(caps);
    plug(host);
    check_refused(qtest_qmp(host->qts, "{ 'execute': 'tdi-bind', 'arguments': {"
                            " 'id': 'dev0' } }"), reason);
    g_assert_cmpuint(sim_count(host, 0, "VIOMMU_ALLOC"), ==, 0);
    host->rid = SIM_BEHIND_RID;
    sim_map_port(host);
    from = sim_now(host);
    sim_error(host, TDCM_OP_BIND, TDCM_ERROR_TDX_MODULE);
    sim_nothing(host, from);
}

/* Nor can anything of it be private then. */
static void test_no_private_mmio(SimHost *host)
{
    unsigned int from;

    host->shared->no_private_mmio = 1;
    test_no_lock(host, "ffmf???", "KVM_VFIO_DMABUF_PRIVATE");
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, false), ==, 0);
    sim_nothing(host, from);
}

static void test_no_tdcm(SimHost *host)
{
    if (host->tdx) {
        host->shared->caps_off[0] = KVM_CAP_X86_TDX_TDCM;
    } else {
        host->shared->no_tdcm = 1;
    }
    test_no_lock(host, "fffm???", "(TDCM)");
}

/* A kernel that does not tell */
static void test_no_events(SimHost *host)
{
    g_autofree char *reason = NULL, *text = NULL;
    QDict *caps;

    host->plugged = true;
    sim_start(host);
    sim_fail(host, "VEVENTQ_ALLOC", 1, EOPNOTSUPP);
    plug(host);
    caps = query(host);
    g_assert_null(first_reason(caps));
    reason = check_interfaces(caps, "ffffffm");
    g_assert_nonnull(strstr(reason, "IOMMU_VEVENTQ_TYPE_TSM"));
    text = qtest_hmp(host->qts, "info tdi");
    g_assert_nonnull(strstr(text, "missing: iommufd-events: "));
    g_assert_nonnull(strstr(text, reason));
    qobject_unref(caps);
}

static const SimTest tests[] = {
    { "no-slots", test_no_slots },
    { "no-resample", test_no_resample },
    { "no-private-bind", test_no_private_bind },
    { "no-tsm", test_no_tsm },
    { "first-fails", test_first_fails },
    { "second-fails", test_second_fails },
    { "no-events", test_no_events },
    { "no-private-mmio", test_no_private_mmio },
    { "no-tdcm", test_no_tdcm },
    { "found", test_found },
    { "viommu", test_viommu },
    { "viommu-expander", test_viommu_expander },
    { "viommu-bypassed", test_viommu_bypassed },
};

void sim_test_add_caps(void)
{
    sim_add_tests("caps", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/caps/ordinary", test_ordinary);
    qtest_add_func("vfio-private-sim/caps/all-reasons", test_all_reasons);
}
