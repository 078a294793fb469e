/*
 * QTest of private device assignment on a simulated host: qapi/tdi.json
 *
 * What the schema says of devices, requests and events, and no other file
 * tests; of a real vfio-pci device, and by QMP.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd-tsm.h>
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vfio-private-sim.h"

#define PATH "/machine/peripheral/dev0"

/* A second device, and how far its BARs are from those of the first */
#define OTHER_RID (5 << 3)
#define OTHER_PATH "/machine/peripheral/dev1"
#define OTHER_BARS 0x1000000ULL
#define BY_FD "fd=" stringify(SIM_SPARE_FD) ",iommufd=i0,addr=5.0,private=on"
#define OTHER_DEVICE "-device vfio-pci,id=dev1," BY_FD

/*
 * What is asked
 */

static QList *query_all(SimHost *host)
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-tdi' }");
    QList *list = qdict_get_qlist(response, "return");

    g_assert_nonnull(list);
    qobject_ref(list);
    qobject_unref(response);
    return list;
}

/* Of the only device; to be unref'ed */
static QDict *query(SimHost *host)
{
    QList *list = query_all(host);
    QDict *info;

    g_assert_cmpint(qlist_size(list), ==, 1);
    info = qobject_to(QDict, qlist_pop(list));
    qobject_unref(list);
    return info;
}

/* NULL: the member is absent. */
static void member_is(SimHost *host, const char *name, const char *value)
{
    QDict *info = query(host);

    g_assert_cmpstr(qdict_get_try_str(info, name), ==, value);
    qobject_unref(info);
}

static void tsm_is(SimHost *host, const char *name)
{
    member_is(host, "tsm", name);
    /* There is no such TSM on the host that this runs on. */
    member_is(host, "tsm-kind", name ? "unknown" : NULL);
}

static void last_error_is(SimHost *host, const char *operation,
                          const char *kind)
{
    QDict *info = query(host);
    QDict *error = qdict_get_qdict(info, "last-error");

    g_assert_nonnull(error);
    g_assert_cmpstr(qdict_get_str(error, "operation"), ==, operation);
    g_assert_cmpstr(qdict_get_str(error, "kind"), ==, kind);
    g_assert_false(qdict_haskey(error, "tdisp-code"));
    qobject_unref(info);
}

/*
 * What is told
 */

/* Returns the event, to be unref'ed. */
static QDict *wait_event(SimHost *host, const char *name, const char *id,
                         const char *path)
{
    QDict *event = qtest_qmp_eventwait_ref(host->qts, name);
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_try_str(data, "id"), ==, id);
    g_assert_cmpstr(qdict_get_str(data, "qom-path"), ==, path);
    return event;
}

static void wait_change_of(SimHost *host, const char *id, const char *path,
                           const char *old, const char *new,
                           const char *reason)
{
    QDict *event = wait_event(host, "TDI_STATE_CHANGED", id, path);
    QDict *data = qdict_get_qdict(event, "data");

    g_assert_cmpstr(qdict_get_str(data, "old"), ==, old);
    g_assert_cmpstr(qdict_get_str(data, "new"), ==, new);
    g_assert_cmpstr(qdict_get_str(data, "reason"), ==, reason);
    qobject_unref(event);
}

static void wait_change(SimHost *host, const char *old, const char *new,
                        const char *reason)
{
    wait_change_of(host, "dev0", PATH, old, new, reason);
}

static int64_t command(SimHost *host, const char *name, const char *id)
{
    QDict *info = qtest_qmp_assert_success_ref(host->qts, "{ 'execute': %s,"
                                               " 'arguments': { 'id': %s } }",
                                               name, id);
    int64_t request = qdict_get_int(info, "request");

    qobject_unref(info);
    return request;
}

/* @kind: of the error that it ends with; NULL: none */
static void wait_end(SimHost *host, const char *id, const char *path,
                     int64_t request, const char *operation, const char *kind)
{
    QDict *event = wait_event(host, "TDI_REQUEST_COMPLETED", id, path);
    QDict *data = qdict_get_qdict(event, "data");
    QDict *error = qdict_get_qdict(data, "error");

    g_assert_cmpint(qdict_get_int(data, "request"), ==, request);
    g_assert_cmpstr(qdict_get_str(data, "operation"), ==, operation);
    g_assert_cmpstr(error ? qdict_get_str(error, "kind") : NULL, ==, kind);
    if (error) {
        g_assert_cmpstr(qdict_get_str(error, "operation"), ==, operation);
    }
    qobject_unref(event);
}

/* The kernel's event about the latest bind */
static void tell(SimHost *host, uint32_t type)
{
    struct {
        struct iommufd_vevent_header header;
        struct iommu_vevent_tsm data;
    } event = {
        .header.sequence = host->sequence++,
        .data.type = type,
        .data.bind = host->shared->binds,
        .data.virt_id = host->shared->virt_id,
        .data.vdevice_id = host->shared->vdevice_id,
    };

    g_assert_cmpint(write(host->events, &event, sizeof(event)), ==,
                    sizeof(event));
}

static void end_and_tell(SimHost *host, uint32_t type)
{
    host->shared->tdi_state = TDISP_STATE_CONFIG_UNLOCKED;
    qatomic_set(&host->shared->ended, 1);
    tell(host, type);
}

/*
 * Devices
 */

static void check_names(QDict *info, const char *id, const char *path,
                        uint16_t rid)
{
    g_assert_cmpstr(qdict_get_str(info, "id"), ==, id);
    g_assert_cmpstr(qdict_get_str(info, "qom-path"), ==, path);
    /* QEMU was given it as a file descriptor. */
    g_assert_cmpstr(qdict_get_str(info, "host"), ==, id);
    g_assert_cmpint(qdict_get_int(info, "guest-rid"), ==, rid);
    qobject_unref(info);
}

static void map_other(SimHost *host)
{
    host->rid = OTHER_RID;
    sim_config_write(host, 0x10, SIM_BAR0 + OTHER_BARS);
    sim_config_write(host, 0x14, 0);
    sim_config_write(host, 0x18, SIM_BAR2 + OTHER_BARS);
    sim_config_write(host, 0x1c, 0);
    sim_command(host, 6);
}

/* All of them are there, in their order, and each has its own events. */
static void test_two(SimHost *host)
{
    QList *list;
    int64_t request;

    host->after = OTHER_DEVICE;
    sim_start_mapped(host);
    list = query_all(host);
    g_assert_cmpint(qlist_size(list), ==, 2);
    check_names(qobject_to(QDict, qlist_pop(list)), "dev0", PATH, SIM_RID);
    check_names(qobject_to(QDict, qlist_pop(list)), "dev1", OTHER_PATH,
                OTHER_RID);
    qobject_unref(list);

    request = command(host, "tdi-bind", "dev0");
    wait_change(host, "config-unlocked", "config-locked", "monitor");
    wait_end(host, "dev0", PATH, request, "bind", NULL);
    command(host, "tdi-unbind", PATH);
    wait_change(host, "config-locked", "config-unlocked", "monitor");
    wait_end(host, "dev0", PATH, request + 1, "unbind", NULL);

    map_other(host);
    request = command(host, "tdi-bind", OTHER_PATH);
    wait_change_of(host, "dev1", OTHER_PATH, "config-unlocked",
                   "config-locked", "monitor");
    wait_end(host, "dev1", OTHER_PATH, request, "bind", NULL);
}

/* One without an id has a path, by which it is bound, and says so. */
static void test_no_id(SimHost *host)
{
    g_autofree char *path = NULL, *text = NULL;
    int64_t request;
    QDict *info;
    QList *list;

    host->after = "-device vfio-pci," BY_FD;
    sim_start_mapped(host);
    list = query_all(host);
    qobject_unref(qlist_pop(list));
    info = qobject_to(QDict, qlist_pop(list));
    g_assert_false(qdict_haskey(info, "id"));
    path = g_strdup(qdict_get_str(info, "qom-path"));
    g_assert_true(g_str_has_prefix(path, "/machine/peripheral-anon/"));
    text = qtest_hmp(host->qts, "info tdi");
    g_assert_nonnull(strstr(text, path));
    qobject_unref(info);
    qobject_unref(list);

    map_other(host);
    request = command(host, "tdi-bind", path);
    wait_change_of(host, NULL, path, "config-unlocked", "config-locked",
                   "monitor");
    wait_end(host, NULL, path, request, "bind", NULL);
}

/* One that nothing can bind is one all the same. */
static void test_listed(SimHost *host)
{
    QDict *info;

    sim_fail(host, "VIOMMU_ALLOC", 1, EOPNOTSUPP);
    sim_start_mapped(host);
    info = query(host);
    g_assert_cmpstr(qdict_get_str(info, "id"), ==, "dev0");
    g_assert_cmpstr(qdict_get_str(info, "state"), ==, "config-unlocked");
    g_assert_cmpint(qlist_size(qdict_get_qlist(info, "slices")), ==, 3);
    qobject_unref(info);
    tsm_is(host, NULL);
}

/* Is all of the slice that is BAR 2 a memory slot? */
static bool bar2_has_slot(SimHost *host)
{
    QDict *info = query(host);
    const QListEntry *entry;
    bool has_slot = false;
    int found = 0;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(info, "slices"), entry) {
        QDict *slice = qobject_to(QDict, qlist_entry_obj(entry));

        if (qdict_get_int(slice, "bar") == 2) {
            g_assert_cmphex(qdict_get_int(slice, "address"), ==, SIM_BAR2);
            has_slot = qdict_get_bool(slice, "kvm");
            found++;
        }
    }
    g_assert_cmpint(found, ==, 1);
    qobject_unref(info);
    return has_slot;
}

/* The guest puts its ROM over the first pages of it. */
static void test_slot_in_part(SimHost *host)
{
    unsigned int from;

    sim_start_mapped(host);
    g_assert_true(bar2_has_slot(host));
    from = sim_now(host);
    sim_config_write(host, 0x30, SIM_BAR2 | 1);
    g_assert_cmpuint(sim_find_args(host, from, "SET_MEMORY_REGION",
                                   SIM_BAR2 + SIM_ROM_SIZE,
                                   SIM_BAR2_SIZE - SIM_ROM_SIZE), !=, UINT_MAX);
    g_assert_false(bar2_has_slot(host));
    sim_config_write(host, 0x30, 0);
    g_assert_true(bar2_has_slot(host));
}

/*
 * Its TSM
 */

static void test_tsm(SimHost *host)
{
    sim_connect(host, "\n");
    sim_start_mapped(host);
    tsm_is(host, NULL);
    sim_connect(host, "tsm0\n");
    tsm_is(host, NULL);
    /* The guest asks. */
    sim_tdcm(host, TDCM_OP_CHECK_TEEIO_SUPP);
    tsm_is(host, "tsm0");
    sim_connect(host, "tsm1\n");
    tsm_is(host, "tsm0");
    sim_lock(host);
    tsm_is(host, "tsm1");
    sim_ok(host, TDCM_OP_UNBIND);
    sim_connect(host, "tsm2\n");
    sim_qmp_command(host, "tdi-bind", "config-locked");
    tsm_is(host, "tsm2");

    /* A reset leaves it connected. */
    end_and_tell(host, IOMMU_VEVENT_TSM_RESET);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "config-unlocked", "guest");
    wait_change(host, "config-unlocked", "config-locked", "monitor");
    wait_change(host, "config-locked", "hidden", "host");
    tsm_is(host, "tsm2");
}

/* The kernel says so before sysfs does. */
static void test_disconnected(SimHost *host)
{
    sim_connect(host, "tsm0\n");
    sim_start_mapped(host);
    tsm_is(host, "tsm0");
    sim_lock(host);
    end_and_tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "hidden", "host");
    tsm_is(host, NULL);
    sim_ok(host, TDCM_OP_UNBIND);
    tsm_is(host, NULL);
    sim_lock(host);
    tsm_is(host, "tsm0");

    /* What is about the bind before does not take it away. */
    host->shared->binds--;
    tell(host, IOMMU_VEVENT_TSM_DISCONNECTED);
    host->shared->binds++;
    end_and_tell(host, IOMMU_VEVENT_TSM_RESET);
    wait_change(host, "hidden", "config-unlocked", "guest");
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "hidden", "host");
    tsm_is(host, "tsm0");
}

/* All that QEMU has is a file descriptor. */
static void test_tsm_unknown(SimHost *host)
{
    sim_start_mapped(host);
    sim_run(host);
    tsm_is(host, NULL);
}

/*
 * Its report
 */

static void test_digest(SimHost *host)
{
    g_autofree char *digest = NULL;
    SimReply reply;

    sim_start_mapped(host);
    member_is(host, "report-digest", NULL);
    sim_run(host);
    reply = sim_tdcm(host, TDCM_OP_GET_TDI_REPORT);
    g_assert_cmpint(reply.status, ==, TDCM_STATUS_COMPLETED);
    digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, reply.data,
                                         reply.len);
    member_is(host, "report-digest", digest);
    sim_qmp_command(host, "tdi-unbind", "hidden");
    member_is(host, "report-digest", NULL);
    sim_ok(host, TDCM_OP_UNBIND);
    sim_expect(host, "the interface report is of no use: it could not be read");
    sim_fail(host, "TSM_READ_OBJECT", 1, EIO);
    sim_lock(host);
    member_is(host, "report-digest", NULL);
}

/*
 * Reasons and errors
 */

/* Not by a request: it resets the device, or takes its MMIO away. */
static void test_guest_ends(SimHost *host)
{
    sim_start_behind(host);
    sim_run(host);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "run", "guest");
    sim_bus_reset(host);
    wait_change(host, "run", "hidden", "guest");
    sim_ok(host, TDCM_OP_UNBIND);
    wait_change(host, "hidden", "config-unlocked", "guest");
    sim_map_port(host);
    sim_run(host);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "run", "guest");
    /* The port decodes no memory any more. */
    sim_rid_write(host, SIM_PORT_RID, 0x04, 0);
    wait_change(host, "run", "hidden", "guest");
}

static void test_unplug(SimHost *host)
{
    sim_start_behind(host);
    sim_run(host);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "run", "guest");
    qtest_qmp_device_del_send(host->qts, "dev0");
    sim_eject(host);
    wait_change(host, "run", "config-unlocked", "unplug");
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
}

/* TDX guests have none. */
static void test_reset(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    sim_start_mapped(host);
    sim_lock(host);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'system_reset' }");
    wait_change(host, "config-locked", "config-unlocked", "reset");
}

/* The guest gives it another requester ID; somebody has to ask. */
static void test_renumbered(SimHost *host)
{
    int64_t request;

    sim_start_behind(host);
    sim_run(host);
    wait_change(host, "config-unlocked", "config-locked", "guest");
    wait_change(host, "config-locked", "run", "guest");
    sim_renumber(host);
    sim_qmp_state(host, "run");
    request = command(host, "tdi-refresh", "dev0");
    wait_change(host, "run", "error", "device-error");
    wait_end(host, "dev0", PATH, request, "get-state", NULL);
    sim_qmp_state(host, "error");
}

/* There is nothing to ask. */
static void test_refresh_unbound(SimHost *host)
{
    unsigned int from;
    int64_t request;

    sim_start_mapped(host);
    from = sim_now(host);
    request = command(host, "tdi-refresh", "dev0");
    wait_end(host, "dev0", PATH, request, "get-state", NULL);
    sim_qmp_state(host, "config-unlocked");
    g_assert_cmpuint(sim_count(host, from, "TSM_GET_STATE"), ==, 0);
}

/* Who waits for the one that is named has waited for all. */
static void test_unplug_too_soon(SimHost *host)
{
    g_autofree char *reason = NULL;
    int64_t first, last;
    const char *desc;
    QDict *answer;

    sim_start_behind(host);
    sim_stall(host, "TSM_BIND");
    first = command(host, "tdi-bind", "dev0");
    last = command(host, "tdi-refresh", "dev0");
    g_assert_cmpint(last, ==, first + 1);
    reason = g_strdup_printf("request %" PRId64 " of the monitor (get-state) "
                             "is not done, wait for its event", last);
    answer = qtest_qmp(host->qts, "{ 'execute': 'device_del',"
                       " 'arguments': { 'id': 'dev0' } }");
    desc = qdict_get_str(qdict_get_qdict(answer, "error"), "desc");
    g_assert_nonnull(strstr(desc, reason));
    qobject_unref(answer);
    sim_release(host);
    wait_change(host, "config-unlocked", "config-locked", "monitor");
    wait_end(host, "dev0", PATH, first, "bind", NULL);
    wait_end(host, "dev0", PATH, last, "get-state", NULL);
    qtest_qmp_device_del_send(host->qts, "dev0");
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
}

/* A code of TDISP is in the event, as it is in what query-tdi says. */
static void test_code(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    QDict *info, *event, *error;

    sim_start_mapped(host);
    sim_lock(host);
    sim_fail_code(host, "TSM_GET_STATE", EIO, TDISP_ERR_UNSPECIFIED);
    command(host, "tdi-refresh", "dev0");
    event = wait_event(host, "TDI_REQUEST_COMPLETED", "dev0", PATH);
    error = qdict_get_qdict(qdict_get_qdict(event, "data"), "error");
    g_assert_cmpstr(qdict_get_str(error, "operation"), ==, "get-state");
    g_assert_cmpint(qdict_get_int(error, "tdisp-code"), ==,
                    TDISP_ERR_UNSPECIFIED);
    qobject_unref(event);
    info = query(host);
    error = qdict_get_qdict(info, "last-error");
    g_assert_cmpint(qdict_get_int(error, "tdisp-code"), ==,
                    TDISP_ERR_UNSPECIFIED);
    qobject_unref(info);
}

static void test_errors(SimHost *host)
{
    int64_t request;

    sim_start_mapped(host);
    sim_fail(host, "TSM_BIND", 1, EOPNOTSUPP);
    request = command(host, "tdi-bind", "dev0");
    wait_end(host, "dev0", PATH, request, "bind", "unsupported");
    last_error_is(host, "bind", "unsupported");
    sim_fail(host, "TSM_BIND", 1, ENOMEM);
    request = command(host, "tdi-bind", "dev0");
    wait_end(host, "dev0", PATH, request, "bind", "other");
    last_error_is(host, "bind", "other");
    sim_fail(host, "TSM_BIND", 1, EIO);
    sim_fail(host, "TSM_UNBIND", 1, EIO);
    request = command(host, "tdi-bind", "dev0");
    wait_change(host, "config-unlocked", "unknown", "monitor");
    wait_end(host, "dev0", PATH, request, "bind", "lost");
    last_error_is(host, "bind", "lost");
    sim_ok(host, TDCM_OP_UNBIND);
    sim_lock(host);
    sim_fail(host, "TSM_READ_OBJECT", 1, EIO);
    sim_error(host, TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_DEVICE);
    last_error_is(host, "read-report", "device");
    sim_make_private(host);
    sim_fail(host, "TSM_SET_STATE", 1, EIO);
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_DEVICE);
    last_error_is(host, "start", "device");
    sim_ok(host, TDCM_OP_UNBIND);
    sim_run(host);
    if (!host->tdx) {
        sim_fail(host, "ATTACH_IOMMUFD", 1, EIO);
        sim_error(host, TDCM_OP_ENABLE_DMA, TDCM_ERROR_DEVICE);
        last_error_is(host, "enable-dma", "device");
        sim_ok(host, TDCM_OP_ENABLE_DMA);
        sim_fail(host, "ATTACH_IOMMUFD", 1, EIO);
        sim_error(host, TDCM_OP_DISABLE_DMA, TDCM_ERROR_DEVICE);
        last_error_is(host, "disable-dma", "device");
    }
}

static const SimTest tests[] = {
    { "two", test_two },
    { "no-id", test_no_id },
    { "listed", test_listed },
    { "slot-in-part", test_slot_in_part },
    { "tsm", test_tsm },
    { "disconnected", test_disconnected },
    { "tsm-unknown", test_tsm_unknown },
    { "digest", test_digest },
    { "guest-ends", test_guest_ends },
    { "unplug", test_unplug },
    { "unplug-too-soon", test_unplug_too_soon },
    { "refresh-unbound", test_refresh_unbound },
    { "renumbered", test_renumbered },
    { "errors", test_errors },
};

void sim_test_add_qapi(void)
{
    sim_add_tests("qapi", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/sw/qapi/reset", test_reset);
    /* Of a TDX guest, a report that is refused tells the state. */
    qtest_add_func("vfio-private-sim/sw/qapi/code", test_code);
    sim_test_add_qapi_guest();
}
