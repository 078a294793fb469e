/*
 * QTest of what vfio-pci,private=on and sw-protected-vm refuse
 *
 * No host device is needed: everything tested here is refused before one is
 * opened.  Each message must name the device, the reason and the remedy.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"

#define HOST "0000:ff:1f.7"

typedef struct RefusalCase {
    const char *name;
    const char *args;   /* device_add arguments besides driver and host */
    const char *desc;   /* the message, after "vfio HOST: " */
} RefusalCase;

static const RefusalCase refusals[] = {
    { "no-iommufd", "'private': true",
      "private=on requires iommufd: add -object iommufd,id=ID and "
      "iommufd=ID" },
    { "fd-bars-no-iommufd", "'fd-bars': true",
      "fd-bars=on requires iommufd: add -object iommufd,id=ID and "
      "iommufd=ID" },
    { "both", "'private': true, 'fd-bars': true, 'iommufd': 'i0'",
      "private=on includes fd-bars=on: remove fd-bars" },
    { "x-vga", "'private': true, 'iommufd': 'i0', 'x-vga': true",
      "private=on excludes x-vga=on: QEMU would access the device; remove "
      "x-vga" },
    { "igd-lpc", "'private': true, 'iommufd': 'i0', 'x-igd-lpc': true",
      "private=on excludes x-igd-lpc=on and x-igd-legacy-mode=on: QEMU would "
      "access the device; remove them" },
    { "igd-legacy-mode",
      "'private': true, 'iommufd': 'i0', 'x-igd-legacy-mode': 'on'",
      "private=on excludes x-igd-lpc=on and x-igd-legacy-mode=on: QEMU would "
      "access the device; remove them" },
    { "display", "'private': true, 'iommufd': 'i0', 'display': 'auto'",
      "private=on excludes display: QEMU would read the device; use "
      "display=off" },
    { "x-no-mmap", "'fd-bars': true, 'iommufd': 'i0', 'x-no-mmap': true",
      "fd-bars=on excludes x-no-mmap=on: QEMU would access the BARs; remove "
      "x-no-mmap" },
    { "msix-relocation",
      "'private': true, 'iommufd': 'i0', 'x-msix-relocation': 'bar2'",
      "private=on excludes x-msix-relocation: BARs keep their layout; remove "
      "x-msix-relocation" },
    { "no-kvm-intx",
      "'private': true, 'iommufd': 'i0', 'x-no-kvm-intx': true",
      "private=on excludes x-no-kvm-intx=on: QEMU cannot see the access that "
      "ends an interrupt; remove x-no-kvm-intx" },
    { "migration",
      "'private': true, 'iommufd': 'i0', 'enable-migration': 'on'",
      "private=on excludes enable-migration=on: the device cannot migrate; "
      "use enable-migration=off" },
    { "failover",
      "'private': true, 'iommufd': 'i0', 'failover_pair_id': 'n0'",
      "private=on excludes failover_pair_id: the VM cannot migrate; remove "
      "failover_pair_id" },
    { "no-kvm", "'private': true, 'iommufd': 'i0'",
      "private=on requires KVM: use -accel kvm" },
    { "fd-bars-no-kvm", "'fd-bars': true, 'iommufd': 'i0'",
      "fd-bars=on requires KVM: use -accel kvm" },
};

static void test_refusal(gconstpointer data)
{
    const RefusalCase *c = data;
    QTestState *qts = qtest_init("-machine pc -nodefaults "
                                 "-object iommufd,id=i0");
    g_autofree char *desc = g_strdup_printf("vfio " HOST ": %s", c->desc);
    g_autofree char *cmd =
        g_strdup_printf("{ 'execute': 'device_add', 'arguments': {"
                        " 'driver': 'vfio-pci', 'id': 'dev0', 'host': '" HOST
                        "', %s } }", c->args);
    QDict *resp = qtest_qmp(qts, cmd, NULL);

    g_assert_true(qdict_haskey(resp, "error"));
    g_assert_cmpstr(qdict_get_str(qdict_get_qdict(resp, "error"), "desc"), ==,
                    desc);
    qobject_unref(resp);
    qtest_quit(qts);
}

/* Off by default, and then nothing of the feature is asked for. */
static void test_off_is_untouched(void)
{
    QTestState *qts = qtest_init("-machine pc -nodefaults");
    QDict *error = qtest_qmp_assert_failure_ref(qts,
        "{ 'execute': 'device_add', 'arguments': { 'driver': 'vfio-pci',"
        " 'id': 'dev0', 'host': '" HOST "' } }");

    g_assert_null(strstr(qdict_get_str(error, "desc"), "private"));
    qobject_unref(error);
    qtest_quit(qts);
}

/* What a device would be refused for is told without one. */
static void test_capabilities(void)
{
    QTestState *qts = qtest_init("-machine pc -nodefaults");
    g_autofree char *text = qtest_hmp(qts, "info tdi");
    QDict *caps = qtest_qmp_assert_success_ref(
        qts, "{ 'execute': 'query-tdi-capabilities' }");
    QList *reasons = qdict_get_qlist(caps, "reasons");
    QList *interfaces = qdict_get_qlist(caps, "interfaces");
    QDict *first = qobject_to(QDict, qlist_peek(interfaces));
    QString *reason = qobject_to(QString, qlist_peek(reasons));

    g_assert_cmpstr(qdict_get_str(caps, "guest"), ==, "ordinary");
    g_assert_cmpstr(qstring_get_str(reason), ==,
                    "private=on requires KVM: use -accel kvm");
    g_assert_cmpstr(qdict_get_str(first, "status"), ==, "missing");
    g_assert_cmpstr(qdict_get_str(first, "reason"), ==,
                    qstring_get_str(reason));
    g_assert_nonnull(strstr(text, qstring_get_str(reason)));
    qobject_unref(caps);
    qtest_quit(qts);
}

/* All that qapi/tdi.json has: what can be asked, and what is told */
static const char *const tdi_commands[] = {
    "query-tdi", "query-tdi-capabilities", "query-private-memory",
    "tdi-bind", "tdi-refresh", "tdi-unbind",
};

static const char *const tdi_events[] = {
    "TDI_REQUEST_COMPLETED", "TDI_STATE_CHANGED", "TDI_VCPU_WAITS",
};

static bool is_unstable(QDict *entity)
{
    QList *features = qdict_get_qlist(entity, "features");
    const QListEntry *entry;

    if (features) {
        QLIST_FOREACH_ENTRY(features, entry) {
            if (!strcmp(qstring_get_str(qobject_to(QString,
                                                   qlist_entry_obj(entry))),
                        "unstable")) {
                return true;
            }
        }
    }
    return false;
}

static bool is_listed(const char *name, const char *const *names, int nr)
{
    while (nr--) {
        if (!strcmp(name, names[nr])) {
            return true;
        }
    }
    return false;
}

/*
 * All of it is unstable.  And there is nothing to start a TDI with, nor to let
 * its DMA reach private memory: only the guest can do that.
 */
static void test_schema(void)
{
    QTestState *qts = qtest_init("-machine none -nodefaults");
    QDict *response = qtest_qmp(qts, "{ 'execute': 'query-qmp-schema' }");
    QList *schema = qdict_get_qlist(response, "return");
    const QListEntry *entry;
    int commands = 0, events = 0;

    QLIST_FOREACH_ENTRY(schema, entry) {
        QDict *entity = qobject_to(QDict, qlist_entry_obj(entry));
        const char *kind = qdict_get_str(entity, "meta-type");
        const char *name = qdict_get_str(entity, "name");

        if (!strcmp(kind, "command") &&
            (strstr(name, "tdi") || strstr(name, "private-memory"))) {
            g_test_message("%s", name);
            g_assert_true(is_listed(name, tdi_commands,
                                    ARRAY_SIZE(tdi_commands)));
            g_assert_true(is_unstable(entity));
            commands++;
        } else if (!strcmp(kind, "event") && strstr(name, "TDI_")) {
            g_test_message("%s", name);
            g_assert_true(is_listed(name, tdi_events, ARRAY_SIZE(tdi_events)));
            g_assert_true(is_unstable(entity));
            events++;
        }
    }
    g_assert_cmpint(commands, ==, ARRAY_SIZE(tdi_commands));
    g_assert_cmpint(events, ==, ARRAY_SIZE(tdi_events));
    qobject_unref(response);
    qtest_quit(qts);
}

static char *run_to_failure(const char *args)
{
    g_autofree char *line = g_strdup_printf("%s -nodefaults -display none %s",
                                            qtest_qemu_binary(NULL), args);
    g_auto(GStrv) argv = g_strsplit(line, " ", 0);
    char *err = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL,
                               NULL, &err, &status, NULL));
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    return err;
}

static void test_cold_plug_exits(void)
{
    g_autofree char *err = run_to_failure("-machine q35,accel=tcg -device "
                                          "vfio-pci,private=on,host=" HOST);

    g_assert_nonnull(strstr(err, "vfio " HOST ": private=on requires iommufd"));
}

static void test_sw_protected_no_kvm(void)
{
    g_autofree char *err =
        run_to_failure("-machine q35,accel=tcg,confidential-guest-support=c0 "
                       "-object sw-protected-vm,id=c0");

    g_assert_nonnull(strstr(err, "sw-protected-vm: KVM required"));
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    if (!qtest_has_device("vfio-pci")) {
        g_test_skip("vfio-pci is not built in");
        return g_test_run();
    }
    for (i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("vfio-private/refuses/%s",
                                                refusals[i].name);

        qtest_add_data_func(path, &refusals[i], test_refusal);
    }
    qtest_add_func("vfio-private/off-is-untouched", test_off_is_untouched);
    qtest_add_func("vfio-private/capabilities", test_capabilities);
    qtest_add_func("vfio-private/schema", test_schema);
    qtest_add_func("vfio-private/cold-plug-exits", test_cold_plug_exits);
    qtest_add_func("sw-protected-vm/refuses/no-kvm", test_sw_protected_no_kvm);
    return g_test_run();
}
