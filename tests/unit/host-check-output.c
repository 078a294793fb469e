/*
 * Unit tests of tdi-host-check: what it prints
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "host-check-fake.h"

/* What a function that prints to a file has printed. */
typedef struct Printed {
    char *text;
    size_t len;
    FILE *out;
} Printed;

static FILE *printed_open(Printed *printed)
{
    printed->out = open_memstream(&printed->text, &printed->len);
    return printed->out;
}

static void test_json(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);
    g_autofree char *text = NULL;
    QListEntry *entry;
    unsigned int i = 0;
    QDict *dict;

    fake_put(FAKE_DEV "/tsm/connect", "\n");
    fake_run(hc);
    host_add(hc, "quotes", true, HOST_WARN, g_strdup("line\none \"word\""),
             "back\\slash");
    text = host_json(hc, true);
    dict = qobject_to(QDict, qobject_from_json(text, &error_abort));
    g_assert_cmpint(qdict_get_int(dict, "version"), ==, 1);
    g_assert_cmpstr(qdict_get_str(dict, "device"), ==, FAKE_BDF);
    g_assert_cmpstr(qdict_get_str(dict, "result"), ==, "fail");
    g_assert_cmpint(qdict_get_int(dict, "status"), ==, 1);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(dict, "checks"), entry) {
        const HostResult *result = g_ptr_array_index(hc->results, i++);
        QDict *check = qobject_to(QDict, qlist_entry_obj(entry));

        g_assert_cmpstr(qdict_get_str(check, "check"), ==, result->check);
        g_assert_cmpstr(qdict_get_str(check, "scope"), ==,
                        result->scope ? "device" : "host");
        g_assert_cmpstr(qdict_get_str(check, "result"), ==,
                        host_verdict_name(result->verdict));
        g_assert_cmpstr(qdict_get_str(check, "text"), ==, result->text);
        g_assert_cmpstr(qdict_get_try_str(check, "remedy"), ==,
                        result->remedy);
    }
    g_assert_cmpuint(i, ==, hc->results->len);
    qobject_unref(dict);
    fake_teardown(hc);
}

static void test_json_of_host(void)
{
    HostCheck *hc = fake_setup(NULL);
    g_autofree char *text = NULL;
    QDict *dict;

    fake_run(hc);
    text = host_json(hc, false);
    dict = qobject_to(QDict, qobject_from_json(text, &error_abort));
    g_assert_false(qdict_haskey(dict, "device"));
    g_assert_cmpstr(qdict_get_str(dict, "result"), ==, "pass");
    g_assert_cmpint(qdict_get_int(dict, "status"), ==, 0);
    qobject_unref(dict);
    fake_teardown(hc);
}

static void test_text(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);
    Printed printed;

    host_add(hc, "one", false, HOST_PASS, NULL, "fine");
    host_add(hc, "two", true, HOST_FAIL, g_strdup("do this\nthen that"),
             "number %d", 2);
    host_print_text(hc, false, printed_open(&printed));
    fclose(printed.out);
    g_assert_cmpstr(printed.text, ==,
                    "host\n"
                    "  PASS  one              fine\n"
                    "\n"
                    FAKE_BDF "\n"
                    "  FAIL  two              number 2\n"
                    "        -> do this\n"
                    "           then that\n"
                    "\n"
                    "1 passed, 0 warned, 1 failed\n");
    free(printed.text);

    host_print_text(hc, true, printed_open(&printed));
    fclose(printed.out);
    g_assert_nonnull(strstr(printed.text, "\033[31mFAIL\033[0m  two"));
    free(printed.text);
    fake_teardown(hc);
}

/* prepares: the script is @script, or the message holds @why */
static void prepares(HostCheck *hc, const char *script, const char *why)
{
    g_autofree char *message = NULL;
    Printed printed;
    bool ok = host_prepare(hc, printed_open(&printed), &message);

    fclose(printed.out);
    g_assert_cmpint(ok, ==, !why);
    if (why) {
        g_assert_nonnull(strstr(message, why));
        g_assert_cmpstr(printed.text, ==, "");
    } else {
        g_assert_null(message);
        g_assert_cmpstr(printed.text, ==, script);
    }
    free(printed.text);
}

#define HEAD "# Run as root. This machine's own driver loses the device.\n"
#define TAIL "# Then: tdi-host-check " FAKE_BDF "\n"

static void test_prepare_nothing(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);

    prepares(hc, HEAD TAIL, NULL);
    fake_teardown(hc);
}

static void test_prepare_all(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);

    fake_put_link(FAKE_DEV "/driver", "../../../../bus/pci/drivers/nvme");
    fake_put("/sys/kernel/iommu_groups/7/devices/" FAKE_OTHER_BDF, "");
    fake_put(FAKE_OTHER "/class", "0x020000\n");
    fake_put(FAKE_DEV "/tsm/connect", "\n");
    fake_del("/sys/bus/pci/drivers/vfio-pci");
    fake_del("/dev/iommu");
    prepares(hc, HEAD
             "modprobe vfio-pci\n"
             "modprobe iommufd\n"
             "# " FAKE_BDF ": from nvme to vfio-pci\n"
             "echo vfio-pci > " FAKE_DEV "/driver_override\n"
             "echo " FAKE_BDF " > " FAKE_DEV "/driver/unbind\n"
             "echo " FAKE_BDF " > /sys/bus/pci/drivers_probe\n"
             "# " FAKE_OTHER_BDF ": from no driver to vfio-pci\n"
             "echo vfio-pci > " FAKE_OTHER "/driver_override\n"
             "echo " FAKE_OTHER_BDF " > /sys/bus/pci/drivers_probe\n"
             "# " FAKE_BDF ": let a TSM talk to it\n"
             "echo tsm0 > " FAKE_DEV "/tsm/connect\n" TAIL, NULL);
    fake_teardown(hc);
}

/* A virtual function is connected by its physical function. */
static void test_prepare_vf(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);

    fake_del(FAKE_DEV "/tsm");
    fake_put_link(FAKE_DEV "/physfn", "../" FAKE_OTHER_BDF);
    fake_put(FAKE_OTHER "/tsm/connect", "\n");
    prepares(hc, HEAD
             "# " FAKE_OTHER_BDF ": let a TSM talk to it\n"
             "echo tsm0 > " FAKE_OTHER "/tsm/connect\n" TAIL, NULL);
    fake_del(FAKE_OTHER "/tsm");
    prepares(hc, HEAD
             "# " FAKE_OTHER_BDF ": no TSM knows it, a guest cannot lock it\n"
             TAIL, NULL);
    fake_teardown(hc);
}

static void test_prepare_refuses(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);

    fake_put(FAKE_DEV "/class", "0x060400\n");
    prepares(hc, NULL, "is a bridge");
    fake_put(FAKE_DEV "/class", "0x010802\n");
    fake_del(FAKE_DEV "/iommu_group");
    prepares(hc, NULL, "no IOMMU group");
    fake_del(FAKE_DEV "/class");
    prepares(hc, NULL, "there is no device " FAKE_BDF);
    fake_teardown(hc);
}

static void test_address(void)
{
    static const struct {
        const char *text;
        const char *address;
    } cases[] = {
        { "0000:01:00.0", "0000:01:00.0" },
        { "1:2.3", "0000:01:02.3" },
        { "00:1F.7", "0000:00:1f.7" },
        { "10000:e1:00.0", "10000:e1:00.0" },
        { "", NULL },
        { "nvme0", NULL },
        { "01:00", NULL },
        { "01:00.8", NULL },
        { "01:20.0", NULL },
        { "100:00.0", NULL },
        { "0000:01:00.0/..", NULL },
        { "0000:01:00.0 ", NULL },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *address = host_pci_parse_address(cases[i].text);

        g_assert_cmpstr(address, ==, cases[i].address);
    }
}

void test_output_register(void)
{
    g_test_add_func("/tdi-host-check/json", test_json);
    g_test_add_func("/tdi-host-check/json-of-host", test_json_of_host);
    g_test_add_func("/tdi-host-check/text", test_text);
    g_test_add_func("/tdi-host-check/prepare/nothing", test_prepare_nothing);
    g_test_add_func("/tdi-host-check/prepare/all", test_prepare_all);
    g_test_add_func("/tdi-host-check/prepare/vf", test_prepare_vf);
    g_test_add_func("/tdi-host-check/prepare/refuses", test_prepare_refuses);
    g_test_add_func("/tdi-host-check/address", test_address);
}
