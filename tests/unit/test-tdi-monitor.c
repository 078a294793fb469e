/*
 * Unit tests of query-tdi, tdi-bind, tdi-unbind and tdi-refresh, as JSON, with
 * a TSM that may be slow and a guest that acts in between
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"

#include "tdi-fake.h"

#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"
#include "qapi/qapi-events-tdi.h"
#include "qapi/qmp-registry.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"

/* Not tested here, but in the same schema */
TDICapabilities *qmp_query_tdi_capabilities(Error **errp)
{
    g_assert_not_reached();
}

PrivateMemoryInfo *qmp_query_private_memory(Error **errp)
{
    g_assert_not_reached();
}

static QmpCommandList commands = QTAILQ_HEAD_INITIALIZER(commands);

/* Events */

typedef struct Seen {
    unsigned int changes, ends, failures, changes_at_end;
    TDIState old, new;
    TDIReason reason;
    TDIErrorKind kind;
    TDIOperation operation;
    uint64_t request;
} Seen;

static Seen seen;

/* Number of the latest request that was accepted, and how many there were */
static uint64_t accepted;
static unsigned int requests;

static void seen_change(TDIState old, TDIState new, TDIReason reason)
{
    /* One event begins where the one before ended. */
    g_assert_cmpint(old, ==, seen.new);
    g_assert_cmpint(old, !=, new);
    seen.changes++;
    seen.old = old;
    seen.new = new;
    seen.reason = reason;
}

void qdev_add_unplug_blocker(DeviceState *dev, Error *reason)
{
    g_assert_nonnull(reason);
    f.blockers++;
}

void qdev_del_unplug_blocker(DeviceState *dev, Error *reason)
{
    g_assert_nonnull(reason);
    f.blockers--;
}

void qapi_event_send_tdi_request_completed(const char *id, const char *qom_path,
                                           uint64_t request,
                                           TDIOperation operation,
                                           TDIError *error)
{
    g_assert_true(bql_locked());
    fake_names(id, qom_path);
    g_assert_cmpuint(request, >, seen.request);
    g_assert_cmpuint(request, <=, accepted);
    seen.request = request;
    seen.operation = operation;
    seen.ends++;
    seen.changes_at_end = seen.changes;
    if (error) {
        g_assert_true(*error->desc);
        g_assert_cmpint(error->operation, ==, operation);
        seen.failures++;
        seen.kind = error->kind;
    }
}

/* A slow TSM */

static QemuSemaphore tsm_entered, tsm_go;

static void tsm_waits(void)
{
    g_assert_false(bql_locked());
    qemu_sem_post(&tsm_entered);
    qemu_sem_wait(&tsm_go);
}

/* until_entered: the TSM is at work when this returns */
static void until_entered(void)
{
    bql_unlock();
    qemu_sem_wait(&tsm_entered);
    bql_lock();
}

/* QMP */

static QDict *qmp(const char *text)
{
    QObject *request = qobject_from_json(text, &error_abort);
    QDict *answer = qmp_dispatch(&commands, request, false, NULL);

    qobject_unref(request);
    g_assert_true(answer && (qdict_haskey(answer, "return") ^
                             qdict_haskey(answer, "error")));
    return answer;
}

static void qmp_ok(const char *text)
{
    g_autoptr(QDict) answer = qmp(text);

    if (qdict_haskey(answer, "error")) {
        g_error("%s", qdict_get_str(qdict_get_qdict(answer, "error"), "desc"));
    }
    accepted = qdict_get_int(qdict_get_qdict(answer, "return"), "request");
    requests++;
}

static void qmp_err(const char *text, const char *class, const char *words)
{
    g_autoptr(QDict) answer = qmp(text);
    QDict *error = qdict_get_qdict(answer, "error");

    g_assert_nonnull(error);
    g_assert_cmpstr(qdict_get_str(error, "class"), ==, class);
    if (!strstr(qdict_get_str(error, "desc"), words)) {
        g_error("'%s' is not in '%s'", words, qdict_get_str(error, "desc"));
    }
}

/* query: what query-tdi says of the only device; to be unref'ed */
static QDict *query(void)
{
    g_autoptr(QDict) answer = qmp("{'execute': 'query-tdi'}");
    QList *list = qdict_get_qlist(answer, "return");

    g_assert_cmpint(qlist_size(list), ==, 1);
    return qobject_to(QDict, qlist_pop(list));
}

static void query_is(const char *state, bool busy)
{
    g_autoptr(QDict) info = query();

    g_assert_cmpstr(qdict_get_str(info, "state"), ==, state);
    g_assert_cmpint(qdict_get_bool(info, "busy"), ==, busy);
}

#define BIND "{'execute': 'tdi-bind', 'arguments': {'id': 'fake0'}}"
#define REFRESH "{'execute': 'tdi-refresh', 'arguments': {'id': 'fake0'}}"
#define UNBIND "{'execute': 'tdi-unbind', 'arguments': {'id': 'fake0'}}"

static void begin(void)
{
    setup();
    memset(&seen, 0, sizeof(seen));
    requests = 0;
    f.on_changed = seen_change;
    QLIST_INSERT_HEAD(&tdi_bindings, &f.binding, next);
}

static void end(void)
{
    idle();
    if (QLIST_IS_INSERTED(&f.binding, next)) {
        QLIST_REMOVE(&f.binding, next);
    }
    teardown();
    /* Each request has ended once. */
    g_assert_cmpuint(seen.ends, ==, requests);
    g_assert_cmpuint(f.blockers, ==, 0);
    g_assert_cmpint(seen.new, ==, TDI_STATE_CONFIG_UNLOCKED);
}

static void seen_is(unsigned int changes, TDIState new, TDIReason reason)
{
    g_assert_cmpuint(seen.changes, ==, changes);
    g_assert_cmpint(seen.new, ==, new);
    g_assert_cmpint(seen.reason, ==, reason);
}

/* Tests */

static void test_query(void)
{
    g_autoptr(QDict) before = NULL, after = NULL;
    unsigned int looks;

    begin();
    before = query();
    g_assert_cmpstr(qdict_get_str(before, "id"), ==, "fake0");
    g_assert_cmpstr(qdict_get_str(before, "qom-path"), ==, "/fake/fake0");
    g_assert_cmpint(qdict_get_int(before, "guest-rid"), ==, RID);
    g_assert_cmpstr(qdict_get_str(before, "tsm"), ==, "tsm0");
    g_assert_cmpstr(qdict_get_str(before, "tsm-kind"), ==, "software");
    g_assert_false(qdict_haskey(before, "report-digest"));
    g_assert_false(qdict_haskey(before, "last-error"));
    g_assert_cmpint(qdict_get_int(before, "binds"), ==, 0);

    to_run();
    looks = f.looks;
    after = query();
    g_assert_cmpstr(qdict_get_str(after, "state"), ==, "run");
    g_assert_cmpint(strlen(qdict_get_str(after, "report-digest")), ==, 64);
    g_assert_cmpint(qdict_get_int(after, "binds"), ==, 1);
    g_assert_cmpstr(qdict_get_str(after, "tsm"), ==, "tsm0");
    /* The kernel may have to wait for somebody before it can tell. */
    g_assert_cmpuint(f.looks, ==, looks);
    end();
}

static void test_bind_does_not_wait(void)
{
    begin();
    f.on_tsm = tsm_waits;
    qmp_ok(BIND);
    query_is("config-unlocked", true);
    until_entered();
    /* It is inside the TSM, and the monitor goes on. */
    g_assert_cmpuint(f.blockers, ==, 1);
    query_is("config-unlocked", true);
    g_assert_cmpuint(seen.changes, ==, 0);
    g_assert_cmpuint(seen.ends, ==, 0);
    qemu_sem_post(&tsm_go);
    idle();
    query_is("config-locked", false);
    seen_is(1, TDI_STATE_CONFIG_LOCKED, TDI_REASON_MONITOR);
    g_assert_cmpuint(seen.ends, ==, 1);
    g_assert_cmpuint(seen.failures, ==, 0);
    g_assert_cmpint(seen.operation, ==, TDI_OPERATION_BIND);
    end();
}

/* Each gets its turn and its event, whatever it comes to. */
static void test_requests_in_order(void)
{
    begin();
    f.on_tsm = tsm_waits;
    qmp_ok(BIND);
    until_entered();
    qmp_ok(BIND);
    qmp_ok(UNBIND);
    qmp_ok(UNBIND);
    qmp_ok(BIND);
    g_assert_cmpuint(f.blockers, ==, 5);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpuint(seen.ends, ==, 5);
    g_assert_cmpuint(seen.failures, ==, 1);
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_WRONG_STATE);
    seen_is(3, TDI_STATE_CONFIG_LOCKED, TDI_REASON_MONITOR);
    end();
}

/* A device that has left its state is noticed without the guest. */
static void test_refresh(void)
{
    begin();
    qmp_ok(REFRESH);
    idle();
    query_is("config-unlocked", false);
    to_run();
    qmp_ok(REFRESH);
    idle();
    query_is("run", false);
    f.tdi = TDISP_STATE_ERROR;
    qmp_ok(REFRESH);
    idle();
    query_is("error", false);
    seen_is(3, TDI_STATE_ERROR, TDI_REASON_DEVICE_ERROR);
    g_assert_cmpuint(seen.failures, ==, 0);
    g_assert_cmpint(seen.operation, ==, TDI_OPERATION_GET_STATE);
    f.state_ret = -EIO;
    qmp_ok(REFRESH);
    idle();
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_DEVICE);
    end();
}

static void test_bind_fails(void)
{
    g_autoptr(QDict) info = NULL;
    QDict *error;

    begin();
    f.bind_ret = -EIO;
    qmp_ok(BIND);
    idle();
    g_assert_cmpuint(seen.changes, ==, 0);
    g_assert_cmpuint(seen.failures, ==, 1);
    g_assert_cmpint(seen.operation, ==, TDI_OPERATION_BIND);
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_DEVICE);
    info = query();
    g_assert_cmpint(qdict_get_int(info, "errors"), ==, 1);
    error = qdict_get_qdict(info, "last-error");
    g_assert_cmpstr(qdict_get_str(error, "operation"), ==, "bind");
    g_assert_cmpstr(qdict_get_str(error, "kind"), ==, "device");
    /* The device and the TSM have a busy of their own. */
    f.bind_ret = -EBUSY;
    qmp_ok(BIND);
    idle();
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_NOT_READY);
    end();
}

static void test_last_error_has_code(void)
{
    g_autoptr(QDict) info = NULL;
    QDict *error;

    begin();
    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    f.start_ret = -EIO;
    f.code = TDISP_ERR_INVALID_NONCE;
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_TDISP);
    info = query();
    error = qdict_get_qdict(info, "last-error");
    g_assert_cmpint(qdict_get_int(error, "tdisp-code"), ==, 0x102);
    g_assert_nonnull(strstr(qdict_get_str(error, "desc"), "invalid nonce"));
    end();
}

static void test_refusals(void)
{
    begin();
    qmp_err("{'execute': 'tdi-bind', 'arguments': {'id': 'fake1'}}",
            "DeviceNotFound", "'fake1'");
    qmp_err("{'execute': 'tdi-unbind', 'arguments': {'id': ''}}",
            "DeviceNotFound", "''");
    f.ready = false;
    qmp_err(BIND, "GenericError", "memory decode");
    f.ready = true;
    f.connected = false;
    qmp_ok(BIND);
    idle();
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_NO_TSM);
    f.binding.tsm = NULL;
    qmp_err(BIND, "GenericError", "host kernel");
    f.binding.tsm = &fake_tsm_ops;
    f.connected = true;
    to_run();
    qmp_err(BIND, "GenericError", "in the state");
    query_is("run", false);
    end();
}

static void test_path_is_an_id(void)
{
    begin();
    qmp_ok("{'execute': 'tdi-bind', 'arguments': {'id': '/fake/fake0'}}");
    idle();
    query_is("config-locked", false);
    /* Nobody but the guest starts it, even if all is as it should be. */
    f.mmio_private = true;
    qmp_ok(UNBIND);
    idle();
    query_is("config-unlocked", false);
    /* The guest has had no part in it, so nothing is kept from it. */
    g_assert_false(f.hidden);
    g_assert_false(f.mmio_private);
    end();
}

/* digest_is: of the report that conversions are checked against; NULL: none */
static void digest_is(const char *digest)
{
    g_autoptr(QDict) info = query();

    g_assert_cmpstr(qdict_get_try_str(info, "report-digest"), ==, digest);
}

static void test_unbind_hides_from_guest(void)
{
    begin();
    to_run();
    qmp_ok(UNBIND);
    idle();
    query_is("hidden", false);
    /* It was of the binding that is no more. */
    digest_is(NULL);
    seen_is(3, TDI_STATE_HIDDEN, TDI_REASON_MONITOR);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_true(f.hidden);
    /* Again does not help; what the guest does, does. */
    qmp_ok(UNBIND);
    idle();
    g_assert_true(f.hidden);
    seen_is(3, TDI_STATE_HIDDEN, TDI_REASON_MONITOR);
    expect_state(TDISP_STATE_ERROR);
    request_err(TDCM_OP_BIND, TDCM_ERROR_INVALID_STATE);
    request_ok(TDCM_OP_UNBIND);
    seen_is(4, TDI_STATE_CONFIG_UNLOCKED, TDI_REASON_GUEST);
    g_assert_false(f.hidden);
    to_run();
    end();
}

/* A bind brings the report: a guest may convert by it without asking for it. */
static void test_unbind_hides_what_was_converted(void)
{
    begin();
    qmp_ok(BIND);
    idle();
    g_assert_cmpint(may_private(0, 0x3000), ==, 0);
    f.mmio_private = true;
    qmp_ok(UNBIND);
    idle();
    seen_is(2, TDI_STATE_HIDDEN, TDI_REASON_MONITOR);
    g_assert_true(f.hidden);
    request_ok(TDCM_OP_UNBIND);
    g_assert_false(f.hidden);
    /* What it has no part in is not hidden from it. */
    qmp_ok(BIND);
    qmp_ok(UNBIND);
    idle();
    query_is("config-unlocked", false);
    g_assert_false(f.hidden);
    end();
}

/* The guest has not locked it, but has looked at it and may rely on it. */
static void test_report_makes_it_the_guests(void)
{
    begin();
    qmp_ok(BIND);
    idle();
    request_ok(TDCM_OP_GET_TDI_REPORT);
    qmp_ok(UNBIND);
    idle();
    query_is("hidden", false);
    g_assert_true(f.hidden);
    request_ok(TDCM_OP_UNBIND);
    end();
}

/* What was accepted counts; and nothing of it once it is unlocked. */
static void test_report_is_kept(void)
{
    g_autoptr(QDict) info = NULL;
    const char *digest;

    begin();
    request_ok(TDCM_OP_BIND);
    f.report_len = 16;
    request_ok(TDCM_OP_GET_TDI_REPORT);
    info = query();
    digest = qdict_get_str(info, "report-digest");
    f.mmio_private = true;
    request_ok(TDCM_OP_START_TDI);
    f.report_len = 32;
    request_ok(TDCM_OP_GET_TDI_REPORT);
    digest_is(digest);
    request_ok(TDCM_OP_UNBIND);
    digest_is(NULL);
    end();
}

static void test_reset_ends_hiding(void)
{
    begin();
    to_run();
    qmp_ok(UNBIND);
    idle();
    g_assert_true(f.hidden);
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    g_assert_false(f.hidden);
    qmp_ok(BIND);
    idle();
    query_is("config-locked", false);
    end();
}

static void test_failed_unbind(void)
{
    begin();
    to_run();
    f.unbind_ret = -EIO;
    qmp_ok(UNBIND);
    idle();
    query_is("unknown", false);
    g_assert_cmpint(seen.operation, ==, TDI_OPERATION_UNBIND);
    g_assert_true(f.mmio_private);
    f.unbind_ret = 0;
    qmp_ok(UNBIND);
    idle();
    query_is("hidden", false);
    end();
}

/* Unplugged before the thread has got the big lock, and while the TSM works. */
static void test_unplug_meanwhile(void)
{
    begin();
    qmp_ok(BIND);
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_UNPLUG));
    idle();
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_CANCELED);
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    end();

    begin();
    f.on_tsm = tsm_waits;
    qmp_ok(BIND);
    until_entered();
    qemu_sem_post(&tsm_go);
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_RESET));
    idle();
    g_assert_cmpuint(seen.failures, ==, 1);
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_CANCELED);
    query_is("config-unlocked", false);
    end();
}

/* However short it was. */
static void test_no_event_is_lost(void)
{
    unsigned int i;

    begin();
    for (i = 0; i < 50; i++) {
        request_ok(TDCM_OP_BIND);
        request_ok(TDCM_OP_UNBIND);
    }
    seen_is(100, TDI_STATE_CONFIG_UNLOCKED, TDI_REASON_GUEST);
    end();
}

#include "tdi-monitor-guest.h"
#include "tdi-monitor-tsm.h"
#include "tdi-monitor-qapi.h"
#include "tdi-monitor-fuzz.h"

static void ask_and_fail(int times)
{
    for (; times; times--) {
        qmp_ok(BIND);
        idle();
        qmp_ok(REFRESH);
        tdi_binding_told(&f.binding, TDI_REASON_DEVICE_ERROR);
        idle();
        f.state_ret = -EIO;
        qmp_ok(REFRESH);
        idle();
        f.state_ret = 0;
        qmp_ok(UNBIND);
        idle();
        g_string_truncate(f.log, 0);
    }
}

/* A client may do that, and the kernel. */
static void test_leaks(void)
{
    begin();
    leaves_nothing(ask_and_fail);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_sem_init(&tsm_entered, 0);
    qemu_sem_init(&tsm_go, 0);
    qmp_register_command(&commands, "query-tdi", qmp_marshal_query_tdi, 0, 0);
    qmp_register_command(&commands, "tdi-bind", qmp_marshal_tdi_bind, 0, 0);
    qmp_register_command(&commands, "tdi-unbind", qmp_marshal_tdi_unbind, 0, 0);
    qmp_register_command(&commands, "tdi-refresh", qmp_marshal_tdi_refresh, 0,
                         0);

    g_test_add_func("/tdi/monitor/query", test_query);
    g_test_add_func("/tdi/monitor/tsm-name-follows", test_tsm_name_follows);
    g_test_add_func("/tdi/monitor/reset-cuts-bind-short",
                    test_reset_cuts_bind_short);
    g_test_add_func("/tdi/monitor/bind-does-not-wait", test_bind_does_not_wait);
    g_test_add_func("/tdi/monitor/bind-fails", test_bind_fails);
    g_test_add_func("/tdi/monitor/last-error-has-code",
                    test_last_error_has_code);
    g_test_add_func("/tdi/monitor/refusals", test_refusals);
    g_test_add_func("/tdi/monitor/path-is-an-id", test_path_is_an_id);
    g_test_add_func("/tdi/monitor/unbind-hides-from-guest",
                    test_unbind_hides_from_guest);
    g_test_add_func("/tdi/monitor/unbind-hides-what-was-converted",
                    test_unbind_hides_what_was_converted);
    g_test_add_func("/tdi/monitor/reset-ends-hiding", test_reset_ends_hiding);
    g_test_add_func("/tdi/monitor/report-makes-it-the-guests",
                    test_report_makes_it_the_guests);
    g_test_add_func("/tdi/monitor/report-is-kept", test_report_is_kept);
    g_test_add_func("/tdi/monitor/failed-unbind", test_failed_unbind);
    g_test_add_func("/tdi/monitor/unplug-meanwhile", test_unplug_meanwhile);
    g_test_add_func("/tdi/monitor/no-event-is-lost", test_no_event_is_lost);
    g_test_add_func("/tdi/monitor/requests-in-order", test_requests_in_order);
    g_test_add_func("/tdi/monitor/refresh", test_refresh);
    g_test_add_func("/tdi/monitor/guest/polls", test_guest_polls);
    g_test_add_func("/tdi/monitor/guest/overtaken", test_guest_overtaken);
    g_test_add_func("/tdi/monitor/guest/too-many", test_guest_too_many);
    g_test_add_func("/tdi/monitor/guest/while-stopped",
                    test_guest_while_stopped);
    g_test_add_func("/tdi/monitor/guest/was-reset", test_guest_was_reset);
    g_test_add_func("/tdi/monitor/guest/converts-while-asked",
                    test_guest_converts);
    g_test_add_func("/tdi/monitor/guest/converts-meanwhile",
                    test_guest_converts_meanwhile);
    g_test_add_func("/tdi/monitor/guest/beside-monitor",
                    test_guest_beside_monitor);
    g_test_add_func("/tdi/monitor/unbind-after-failed-ask",
                    test_unbind_after_failed_ask);
    g_test_add_func("/tdi/monitor/reset-while-waiting",
                    test_reset_while_waiting);
    g_test_add_func("/tdi/monitor/reset-while-ending",
                    test_reset_while_ending);
    g_test_add_func("/tdi/monitor/exit-does-not-wait", test_exit);
    g_test_add_func("/tdi/monitor/disconnected-is-told",
                    test_disconnected_is_told);
    g_test_add_func("/tdi/monitor/last-error-names", test_last_error_names);
    g_test_add_func("/tdi/monitor/error-kinds", test_error_kinds);
    g_test_add_func("/tdi/monitor/errors-of-ends", test_errors_of_ends);
    g_test_add_func("/tdi/monitor/bind-overtakes", test_bind_overtakes);
    g_test_add_func("/tdi/monitor/end-comes-last", test_end_comes_last);
    g_test_add_func("/tdi/monitor/refresh-refused", test_refresh_refused);
    g_test_add_func("/tdi/monitor/digest", test_digest);
    g_test_add_func("/tdi/monitor/no-id", test_no_id);
    g_test_add_func("/tdi/monitor/leaks", test_leaks);
    g_test_add_func("/tdi/monitor/fuzz", test_fuzz);
    return g_test_run();
}
