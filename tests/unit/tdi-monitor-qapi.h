/*
 * What qapi/tdi.json says of requests, their errors and their order
 *
 * Included once, by test-tdi-monitor.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_MONITOR_QAPI_H
#define TDI_MONITOR_QAPI_H

/* last_error_is: what query-tdi says of the latest failure; @code 0: none */
static void last_error_is(const char *operation, const char *kind,
                          uint64_t code)
{
    g_autoptr(QDict) info = query();
    QDict *error = qdict_get_qdict(info, "last-error");

    g_assert_nonnull(error);
    g_assert_cmpstr(qdict_get_str(error, "operation"), ==, operation);
    g_assert_cmpstr(qdict_get_str(error, "kind"), ==, kind);
    g_assert_true(*qdict_get_str(error, "desc"));
    g_assert_cmpint(qdict_haskey(error, "tdisp-code"), ==, code != 0);
    g_assert_cmpint(qdict_get_try_int(error, "tdisp-code", 0), ==, code);
}

static void errors_are(int64_t errors)
{
    g_autoptr(QDict) info = query();

    g_assert_cmpint(qdict_get_int(info, "errors"), ==, errors);
}

/* Each operation that can fail, by its name */
static void test_last_error_names(void)
{
    begin();
    f.binding.has_dma = true;
    request_ok(TDCM_OP_CHECK_TEEIO_SUPP);
    errors_are(0);
    f.bind_ret = -EIO;
    request_err(TDCM_OP_BIND, TDCM_ERROR_DEVICE);
    last_error_is("bind", "device", 0);
    f.bind_ret = 0;
    to_run();
    f.report_ret = -EIO;
    f.code = TDISP_ERR_INSUFFICIENT_ENTROPY;
    request_err(TDCM_OP_GET_TDI_REPORT, TDCM_ERROR_TDISP);
    last_error_is("read-report", "device", TDISP_ERR_INSUFFICIENT_ENTROPY);
    f.report_ret = 0;
    f.code = 0;
    f.state_ret = -EIO;
    request_err(TDCM_OP_GET_TDI_STATE, TDCM_ERROR_DEVICE);
    last_error_is("get-state", "device", 0);
    f.state_ret = 0;
    f.enable_ret = -EIO;
    request_err(TDCM_OP_ENABLE_DMA, TDCM_ERROR_DEVICE);
    last_error_is("enable-dma", "device", 0);
    f.enable_ret = 0;
    request_ok(TDCM_OP_ENABLE_DMA);
    f.disable_ret = -EIO;
    request_err(TDCM_OP_DISABLE_DMA, TDCM_ERROR_DEVICE);
    last_error_is("disable-dma", "device", 0);
    f.disable_ret = 0;
    f.unbind_ret = -EIO;
    request_err(TDCM_OP_UNBIND, TDCM_ERROR_DEVICE);
    last_error_is("unbind", "device", 0);
    f.unbind_ret = 0;
    request_ok(TDCM_OP_UNBIND);
    request_ok(TDCM_OP_BIND);
    f.mmio_private = true;
    f.start_ret = -EIO;
    request_err(TDCM_OP_START_TDI, TDCM_ERROR_DEVICE);
    last_error_is("start", "device", 0);
    errors_are(7);
    end();
}

static const struct {
    int bind_ret, unbind_ret;
    TDIErrorKind kind;
    const char *name;
} bind_errors[] = {
    { -EIO, 0, TDI_ERROR_KIND_DEVICE, "device" },
    { -EBUSY, 0, TDI_ERROR_KIND_NOT_READY, "not-ready" },
    { -ENXIO, 0, TDI_ERROR_KIND_NO_TSM, "no-tsm" },
    { -EOPNOTSUPP, 0, TDI_ERROR_KIND_UNSUPPORTED, "unsupported" },
    { -EIO, -EIO, TDI_ERROR_KIND_LOST, "lost" },
    { -ENOMEM, 0, TDI_ERROR_KIND_OTHER, "other" },
};

/* In the event and by query-tdi it is the same. */
static void test_error_kinds(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(bind_errors); i++) {
        begin();
        f.bind_ret = bind_errors[i].bind_ret;
        f.unbind_ret = bind_errors[i].unbind_ret;
        qmp_ok(BIND);
        idle();
        g_assert_cmpuint(seen.failures, ==, 1);
        g_assert_cmpint(seen.operation, ==, TDI_OPERATION_BIND);
        g_assert_cmpint(seen.kind, ==, bind_errors[i].kind);
        last_error_is("bind", bind_errors[i].name, 0);
        query_is(f.unbind_ret ? "unknown" : "config-unlocked", false);
        end();
    }
}

/*
 * What the TSM, or KVM, says does not become what QEMU means by it: here that
 * somebody has too many requests, or wants what is not possible now.
 */
static void test_errors_of_ends(void)
{
    static const struct {
        int ret;
        const char *kind;
    } cases[] = {
        { -EBUSY, "not-ready" }, { -EPERM, "device" },
        { -ECANCELED, "device" }, { -ENOMEM, "other" },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        begin();
        to_run();
        f.unbind_ret = cases[i].ret;
        g_assert_false(tdi_binding_force(&f.binding, TDI_REASON_RESET));
        last_error_is("unbind", cases[i].kind, 0);
        end();
    }
    begin();
    qmp_ok(BIND);
    idle();
    f.share_ret = -EBUSY;
    qmp_ok(UNBIND);
    idle();
    g_assert_cmpuint(seen.failures, ==, 1);
    g_assert_cmpint(seen.kind, ==, TDI_ERROR_KIND_OTHER);
    f.share_ret = 0;
    end();
}

/* A bind of the monitor's comes before what the guest waits for, too. */
static void test_bind_overtakes(void)
{
    struct tdcm_buffer *first, *second;

    begin();
    qmp_ok(BIND);
    idle();
    g_string_truncate(f.log, 0);
    first = vcpu_asks_slow_tsm(0, TDCM_OP_GET_TDI_STATE);
    second = vcpu_asks(1, TDCM_OP_GET_TDI_STATE);
    qmp_ok(UNBIND);
    qmp_ok(BIND);
    qemu_sem_post(&tsm_go);
    idle();
    g_assert_cmpstr(f.log->str, ==,
                    "state stop share tsm? bind report state ");
    g_assert_cmpint(first->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(second->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(second->data[0], ==, TDISP_STATE_CONFIG_LOCKED);
    g_assert_cmpuint(seen.failures, ==, 0);
    end();
}

/* Whoever hears of the end of a request has heard what it has led to. */
static void test_end_comes_last(void)
{
    begin();
    qmp_ok(BIND);
    idle();
    g_assert_cmpuint(seen.changes, ==, 1);
    g_assert_cmpuint(seen.changes_at_end, ==, 1);
    f.tdi = TDISP_STATE_ERROR;
    qmp_ok(REFRESH);
    idle();
    g_assert_cmpuint(seen.changes, ==, 2);
    g_assert_cmpuint(seen.changes_at_end, ==, 2);
    qmp_ok(UNBIND);
    idle();
    g_assert_cmpuint(seen.changes, ==, 3);
    g_assert_cmpuint(seen.changes_at_end, ==, 3);
    f.bind_ret = f.unbind_ret = -EIO;
    qmp_ok(BIND);
    idle();
    g_assert_cmpint(seen.new, ==, TDI_STATE_UNKNOWN);
    g_assert_cmpuint(seen.changes_at_end, ==, 4);
    end();
}

static void test_refresh_refused(void)
{
    begin();
    qmp_err("{'execute': 'tdi-refresh', 'arguments': {'id': 'fake1'}}",
            "DeviceNotFound", "'fake1'");
    end();
}

/* A device without an ID has a path. */
static void test_no_id(void)
{
    g_autoptr(QDict) info = NULL;

    begin();
    f.no_id = true;
    f.binding.id = NULL;
    info = query();
    g_assert_false(qdict_haskey(info, "id"));
    g_assert_cmpstr(qdict_get_str(info, "qom-path"), ==, "/fake/fake0");
    qmp_err(BIND, "DeviceNotFound", "'fake0'");
    qmp_ok("{'execute': 'tdi-bind', 'arguments': {'id': '/fake/fake0'}}");
    idle();
    g_assert_cmpuint(seen.ends, ==, 1);
    end();
}

/* Of what the guest reads, and nothing else is a digest of it */
static void test_digest(void)
{
    g_autofree char *digest = NULL;
    struct tdcm_buffer *b;

    begin();
    request_ok(TDCM_OP_BIND);
    b = request_ok(TDCM_OP_GET_TDI_REPORT);
    digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, b->data,
                                         le32_to_cpu(b->data_length));
    digest_is(digest);
    request_ok(TDCM_OP_UNBIND);

    /* There is none if it could not be read. */
    f.report_ret = -EIO;
    request_ok(TDCM_OP_BIND);
    digest_is(NULL);
    f.report_ret = 0;
    request_ok(TDCM_OP_GET_TDI_REPORT);
    digest_is(digest);

    /* Unbound by whoever, it has none. */
    f.ended = true;
    tdi_binding_told(&f.binding, TDI_REASON_HOST);
    idle();
    query_is("hidden", false);
    digest_is(NULL);
    end();
}

#endif /* TDI_MONITOR_QAPI_H */
