/*
 * Random sequences of QMP commands, with a guest and a TSM as random as they
 *
 * Included once, by test-tdi-monitor.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_MONITOR_FUZZ_H
#define TDI_MONITOR_FUZZ_H

static const char *const fuzz_names[] = {
    "query-tdi", "tdi-bind", "tdi-unbind", "tdi-bind", "tdi-unbind",
    "tdi-refresh", "tdi-start", "TDI-BIND", "", "query-tdi ",
};

static const char *const fuzz_arguments[] = {
    "{'id': 'fake0'}", "{'id': 'fake0'}", "{'id': '/fake/fake0'}",
    "{'id': 'fake1'}", "{'id': ''}", "{'id': '\\u0000fake0'}",
    "{'id': 'fake0\\n'}", "{'id': '%s%n'}", "{'id': 1}", "{'id': null}",
    "{'id': true}", "{'id': ['fake0']}", "{'id': {'id': 'fake0'}}", "{}",
    "{'id': 'fake0', 'force': true}", "{'name': 'fake0'}", "[]", "null", "7",
    "{'id': 1e308}", "{'id': 'f\xc3\xa4ke0'}", NULL,
};

#define PICK(array) ((array)[g_test_rand_int_range(0, ARRAY_SIZE(array))])

/* A request as no client should make it, or as one should. */
static QObject *fuzz_request(void)
{
    const char *arguments = PICK(fuzz_arguments);
    QDict *request = qdict_new();

    qdict_put_str(request, "execute", PICK(fuzz_names));
    if (arguments) {
        qdict_put_obj(request, "arguments",
                      qobject_from_json(arguments, &error_abort));
    }
    if (!g_test_rand_int_range(0, 20)) {
        qdict_put_int(request, "exec-oob", 1);
    }
    if (!g_test_rand_int_range(0, 20)) {
        qdict_put_int(request, "id", g_test_rand_int());
    }
    if (!g_test_rand_int_range(0, 50)) {
        qobject_unref(request);
        return QOBJECT(qlist_new());
    }
    return QOBJECT(request);
}

static void fuzz_command(void)
{
    static const char *const classes[] = {
        "GenericError", "CommandNotFound", "DeviceNotFound",
    };
    QObject *request = fuzz_request();
    g_autoptr(QDict) answer = qmp_dispatch(&commands, request, false, NULL);
    QDict *error = qdict_get_qdict(answer, "error");
    bool known = false;
    int i;

    qobject_unref(request);
    if (!error && qobject_to(QDict, qdict_get(answer, "return"))) {
        accepted = qdict_get_int(qdict_get_qdict(answer, "return"), "request");
        requests++;
    }
    g_assert_true(error || qdict_haskey(answer, "return"));
    for (i = 0; error && i < ARRAY_SIZE(classes); i++) {
        known |= !strcmp(qdict_get_str(error, "class"), classes[i]);
    }
    g_assert_true(!error || known);
    g_assert_true(!error || *qdict_get_str(error, "desc"));
}

/* The guest, the device and the TSM do whatever they like. */
static void fuzz_world(void)
{
    static const int rets[] = { 0, 0, 0, 0, -EIO, -EBUSY, -EOPNOTSUPP };
    static const uint16_t operations[] = {
        TDCM_OP_BIND, TDCM_OP_GET_TDI_REPORT, TDCM_OP_START_TDI,
        TDCM_OP_GET_TDI_STATE, TDCM_OP_UNBIND,
    };

    f.bind_ret = PICK(rets);
    f.unbind_ret = g_test_rand_int_range(0, 16) ? 0 : -EIO;
    f.start_ret = PICK(rets);
    f.report_ret = PICK(rets);
    f.ready = g_test_rand_int_range(0, 4);
    f.connected = g_test_rand_int_range(0, 8);
    if (!g_test_rand_int_range(0, 2)) {
        request(PICK(operations));
    }
    if (f.binding.state == TDI_STATE_CONFIG_LOCKED &&
        !tdi_binding_busy(&f.binding) && !may_private(0, 0x3000)) {
        f.mmio_private = true;
    }
    if (!g_test_rand_int_range(0, 16)) {
        tdi_binding_force(&f.binding, TDI_REASON_RESET);
    }
    if (!g_test_rand_int_range(0, 3)) {
        idle();
    }
}

/* Whatever happens, memory that is private belongs to a TDI that is bound. */
static void fuzz_check(void)
{
    if (tdi_binding_busy(&f.binding)) {
        return;
    }
    g_assert_true(!f.mmio_private || f.hidden ||
                  tdi_state_bound(f.binding.state));
    g_assert_true(f.binding.state != TDI_STATE_RUN ||
                  (f.binding.by_guest && f.tdi == TDISP_STATE_RUN));
    g_assert_cmpint(f.hidden, ==, tdi_state_hidden(f.binding.state));
}

static void test_fuzz(void)
{
    int i, j;

    for (i = 0; i < 10000; i++) {
        int length = g_test_rand_int_range(1, 9);

        begin();
        for (j = 0; j < length; j++) {
            fuzz_world();
            fuzz_command();
            fuzz_check();
        }
        end();
    }
}

#endif /* TDI_MONITOR_FUZZ_H */
