/*
 * QTest of private device assignment on a simulated host: qapi/tdi.json, what
 * it says of the guest and of the end of QEMU
 *
 * vCPUs that wait, private memory, and what is told until the very end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include <sys/un.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vfio-private-sim.h"

#define PAGE 4096ULL
#define RAM 0x300000ULL

/* What query-tdi says of the device; to be unref'ed */
static QDict *query(SimHost *host)
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-tdi' }");
    QList *list = qdict_get_qlist(response, "return");
    QDict *info = qobject_to(QDict, qlist_pop(list));

    qobject_unref(response);
    return info;
}

/*
 * vCPUs that wait
 */

/*
 * The one that waits is told by its index, and keeps nobody else: the others
 * come when they are called, and go on.
 */
static void test_others_go_on(void)
{
    g_autoptr(SimHost) host = sim_host_new(true);
    g_autofree char *text = NULL;
    unsigned int from;
    QDict *event, *data;

    host->shared->idle_vcpus = 2;
    host->after = "-smp 3,sockets=3";
    sim_expect(host, "vCPU 2 waits at ");
    sim_start_mapped(host);
    sim_run(host);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    sim_access_begin(host, SIM_BAR2 + 2 * PAGE, true);
    event = qtest_qmp_eventwait_ref(host->qts, "TDI_VCPU_WAITS");
    data = qdict_get_qdict(event, "data");
    g_assert_cmpstr(qdict_get_str(data, "id"), ==, "dev0");
    g_assert_cmpstr(qdict_get_str(data, "qom-path"), ==,
                    "/machine/peripheral/dev0");
    g_assert_cmpint(qdict_get_int(data, "cpu-index"), ==, 2);
    g_assert_cmphex(qdict_get_int(data, "address"), ==, SIM_BAR2 + 2 * PAGE);
    qobject_unref(event);

    sim_access_waits(host);
    from = sim_now(host);
    text = qtest_hmp(host->qts, "info registers -a");
    g_assert_nonnull(strstr(text, "CPU#0"));
    g_assert_nonnull(strstr(text, "CPU#1"));
    g_assert_nonnull(strstr(text, "CPU#2"));
    while (sim_count(host, from, "RUN") < 3) {
        g_usleep(100);
    }
    sim_access_waits(host);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
    sim_access_end(host);
}

/*
 * Private memory
 */

static int64_t number(SimHost *host, const char *name)
{
    QDict *info = query(host);
    int64_t value = qdict_get_int(info, name);

    qobject_unref(info);
    return value;
}

/* Each range counts, whatever its size, in both directions. */
static void test_counts(SimHost *host)
{
    sim_start_mapped(host);
    g_assert_cmpint(number(host, "binds"), ==, 0);
    g_assert_cmpint(number(host, "conversions"), ==, 0);
    sim_run(host);
    g_assert_cmpint(number(host, "binds"), ==, 1);
    g_assert_cmpint(number(host, "conversions"), ==, 2);
    sim_ok(host, TDCM_OP_UNBIND);
    g_assert_cmpint(number(host, "conversions"), ==, 4);
    sim_lock(host);
    g_assert_cmpint(number(host, "binds"), ==, 2);
    g_assert_cmpint(number(host, "conversions"), ==, 4);
    g_assert_cmpint(number(host, "errors"), ==, 0);
    /* What is refused is none. */
    g_assert_cmphex(sim_convert(host, SIM_BAR2, 2 * SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    g_assert_cmpint(number(host, "conversions"), ==, 4);
}

/* How much of it DMA reaches; -1: it is not said */
static int64_t private_dma(SimHost *host)
{
    QDict *info = query(host);
    int64_t bytes = qdict_get_try_int(info, "private-dma", -1);

    g_assert_cmpint(qdict_get_bool(info, "private-dma-enabled"), ==,
                    bytes != -1);
    qobject_unref(info);
    return bytes;
}

/* Enabled it is until it is unbound, also of a device that does not run. */
static void test_private_dma(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    sim_start_mapped(host);
    g_assert_cmphex(sim_convert(host, RAM, PAGE, true), ==, 0);
    sim_run(host);
    g_assert_cmpint(private_dma(host), ==, -1);
    sim_ok(host, TDCM_OP_ENABLE_DMA);
    g_assert_cmpint(private_dma(host), >, 0);
    host->shared->tdi_state = TDISP_STATE_ERROR;
    g_assert_cmpint(sim_guest_state(host), ==, TDISP_STATE_ERROR);
    g_assert_cmpint(private_dma(host), ==, 0);
    sim_ok(host, TDCM_OP_UNBIND);
    g_assert_cmpint(private_dma(host), ==, -1);
}

static void private_memory(SimHost *host, uint64_t *size, uint64_t *is_private,
                           uint64_t *ranges)
{
    QDict *info = qtest_qmp_assert_success_ref(
        host->qts, "{ 'execute': 'query-private-memory' }");

    *size = qdict_get_int(info, "size");
    *is_private = qdict_get_int(info, "private");
    *ranges = qdict_get_int(info, "ranges");
    qobject_unref(info);
}

static void check_private(SimHost *host, uint64_t pages, uint64_t ranges)
{
    uint64_t size, is_private, found;

    private_memory(host, &size, &is_private, &found);
    g_assert_cmpuint(size, >=, 0x400000);
    g_assert_cmpuint(is_private, ==, pages * PAGE);
    g_assert_cmpuint(found, ==, ranges);
}

static void turn(SimHost *host, unsigned int page, unsigned int count,
                 bool to_private)
{
    g_assert_cmphex(sim_convert(host, RAM + page * PAGE, count * PAGE,
                                to_private), ==, 0);
}

/* Ranges that touch are one, and what is cut is two. */
static void test_private_memory(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    sim_start_mapped(host);
    check_private(host, 0, 0);
    turn(host, 0, 1, true);
    turn(host, 2, 1, true);
    check_private(host, 2, 2);
    turn(host, 1, 1, true);
    check_private(host, 3, 1);
    turn(host, 3, 2, true);
    check_private(host, 5, 1);
    turn(host, 2, 1, false);
    check_private(host, 4, 2);
    /* That of the device is another matter. */
    sim_run(host);
    check_private(host, 4, 2);
}

static void test_no_private_memory(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    uint64_t size, is_private, ranges;

    host->ordinary = true;
    sim_start(host);
    private_memory(host, &size, &is_private, &ranges);
    g_assert_cmpuint(size, ==, 0);
    g_assert_cmpuint(is_private, ==, 0);
    g_assert_cmpuint(ranges, ==, 0);
}

/*
 * End of QEMU
 */

/* A monitor of the test's own, for what is said until the very end */
static int monitor_open(const char *path)
{
    static const char enable[] = "{ 'execute': 'qmp_capabilities' }";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address,
                            sizeof(address)), ==, 0);
    g_assert_cmpint(write(fd, enable, strlen(enable)), ==, strlen(enable));
    return fd;
}

static char *monitor_read_all(int fd)
{
    GString *said = g_string_new("");
    char buf[4096];
    ssize_t len;

    while ((len = read(fd, buf, sizeof(buf))) > 0) {
        g_string_append_len(said, buf, len);
    }
    close(fd);
    return g_string_free(said, false);
}

static void command(SimHost *host, const char *name)
{
    qtest_qmp_assert_success(host->qts, "{ 'execute': %s, 'arguments': {"
                             " 'id': 'dev0' } }", name);
}

/*
 * QEMU ends while the TSM is at work for the monitor, and another request
 * waits.  Returns what was said of it all.
 */
static char *quit_in_bind(SimHost *host, bool slow)
{
    g_autofree char *dir = g_dir_make_tmp("vfio-private-sim-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "qmp", NULL);
    g_autofree char *args = g_strdup_printf("-qmp unix:%s,server=on,wait=off",
                                            path);
    unsigned int from;
    int fd;

    host->after = args;
    sim_start_mapped(host);
    fd = monitor_open(path);
    unlink(path);
    rmdir(dir);
    from = sim_now(host);
    sim_stall(host, "TSM_BIND");
    command(host, "tdi-bind");
    while (!sim_count(host, from, "TSM_BIND")) {
        g_usleep(100);
    }
    command(host, "tdi-refresh");
    /* Or its end, as it stops the vCPUs, lets go of the BQL for a moment. */
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'stop' }");
    /* Its answer may come after all that follows. */
    qtest_qmp_send(host->qts, "{ 'execute': 'quit' }");
    qtest_qmp_eventwait(host->qts, "SHUTDOWN");
    if (!slow) {
        sim_release(host);
    }
    sim_quit(host);
    return monitor_read_all(fd);
}

static unsigned int count_in(const char *text, const char *what)
{
    g_auto(GStrv) parts = g_strsplit(text, what, 0);

    return g_strv_length(parts) - 1;
}

/* It is left to the kernel: nobody hears how it ended. */
static void test_quit_slow(SimHost *host)
{
    g_autofree char *said = quit_in_bind(host, true);

    g_assert_cmpuint(count_in(said, "SHUTDOWN"), ==, 1);
    g_assert_cmpuint(count_in(said, "TDI_REQUEST_COMPLETED"), ==, 0);
    g_assert_cmpuint(count_in(said, "TDI_STATE_CHANGED"), ==, 0);
}

/* Each has its event, also that which has waited: it is not done any more. */
static void test_quit_quick(SimHost *host)
{
    g_autofree char *said = quit_in_bind(host, false);

    g_assert_cmpuint(count_in(said, "TDI_REQUEST_COMPLETED"), ==, 2);
    g_assert_cmpuint(count_in(said, "\"kind\": \"canceled\""), ==, 1);
    g_assert_cmpuint(sim_count(host, 0, "TSM_GET_STATE"), ==, 0);
    g_assert_cmpuint(count_in(said, "\"reason\": \"monitor\""), ==, 1);
    g_assert_cmpuint(count_in(said, "\"reason\": \"exit\""), ==, 1);
}

static const SimTest tests[] = {
    { "counts", test_counts },
    { "quit-slow", test_quit_slow },
    { "quit-quick", test_quit_quick },
};

void sim_test_add_qapi_guest(void)
{
    sim_add_tests("qapi", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/tdx/qapi/others-go-on", test_others_go_on);
    qtest_add_func("vfio-private-sim/sw/qapi/private-dma", test_private_dma);
    qtest_add_func("vfio-private-sim/sw/qapi/private-memory",
                   test_private_memory);
    qtest_add_func("vfio-private-sim/qapi/no-private-memory",
                   test_no_private_memory);
}
