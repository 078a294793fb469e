/*
 * tdi-host-check: results, and how they are shown
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/json-writer.h"
#include "tdi-host-check.h"

static const struct {
    const char *name;
    const char *label;
    const char *color;
} verdicts[HOST_VERDICT__MAX] = {
    [HOST_PASS] = { "pass", "PASS", "\033[32m" },
    [HOST_WARN] = { "warn", "WARN", "\033[33m" },
    [HOST_FAIL] = { "fail", "FAIL", "\033[31m" },
};

const char *host_verdict_name(HostVerdict verdict)
{
    return verdicts[verdict].name;
}

static void host_result_free(void *opaque)
{
    HostResult *result = opaque;

    g_free(result->text);
    g_free(result->remedy);
    g_free(result);
}

GPtrArray *host_results_new(void)
{
    return g_ptr_array_new_with_free_func(host_result_free);
}

void host_add(HostCheck *hc, const char *check, bool device,
              HostVerdict verdict, char *remedy, const char *fmt, ...)
{
    HostResult *result = g_new0(HostResult, 1);
    va_list args;

    va_start(args, fmt);
    result->text = g_strdup_vprintf(fmt, args);
    va_end(args);
    result->check = check;
    result->scope = device ? hc->bdf : NULL;
    result->verdict = verdict;
    result->remedy = remedy;
    g_ptr_array_add(hc->results, result);
}

unsigned int host_count(const GPtrArray *results, HostVerdict verdict)
{
    unsigned int i, count = 0;

    for (i = 0; i < results->len; i++) {
        const HostResult *result = g_ptr_array_index(results, i);

        count += result->verdict == verdict;
    }
    return count;
}

int host_exit_status(const GPtrArray *results, bool strict)
{
    if (host_count(results, HOST_FAIL)) {
        return 1;
    }
    return strict && host_count(results, HOST_WARN) ? 3 : 0;
}

static void host_print_remedy(const char *remedy, FILE *out)
{
    g_auto(GStrv) lines = g_strsplit(remedy, "\n", -1);
    int i;

    for (i = 0; lines[i]; i++) {
        fprintf(out, "        %s %s\n", i ? "  " : "->", lines[i]);
    }
}

void host_print_text(const HostCheck *hc, bool color, FILE *out)
{
    const char *scope = "";
    unsigned int i;

    for (i = 0; i < hc->results->len; i++) {
        const HostResult *result = g_ptr_array_index(hc->results, i);

        if (!i || scope != result->scope) {
            scope = result->scope;
            fprintf(out, "%s%s\n", i ? "\n" : "", scope ?: "host");
        }
        fprintf(out, "  %s%s%s  %-16s %s\n",
                color ? verdicts[result->verdict].color : "",
                verdicts[result->verdict].label, color ? "\033[0m" : "",
                result->check, result->text);
        if (result->remedy) {
            host_print_remedy(result->remedy, out);
        }
    }
    fprintf(out, "\n%u passed, %u warned, %u failed\n",
            host_count(hc->results, HOST_PASS),
            host_count(hc->results, HOST_WARN),
            host_count(hc->results, HOST_FAIL));
}

static HostVerdict host_worst(const GPtrArray *results)
{
    return host_count(results, HOST_FAIL) ? HOST_FAIL :
           host_count(results, HOST_WARN) ? HOST_WARN : HOST_PASS;
}

char *host_json(const HostCheck *hc, bool strict)
{
    JSONWriter *writer = json_writer_new(true);
    unsigned int i;

    json_writer_start_object(writer, NULL);
    json_writer_int64(writer, "version", 1);
    if (hc->bdf) {
        json_writer_str(writer, "device", hc->bdf);
    }
    json_writer_str(writer, "result",
                    host_verdict_name(host_worst(hc->results)));
    json_writer_int64(writer, "status",
                      host_exit_status(hc->results, strict));
    json_writer_start_array(writer, "checks");
    for (i = 0; i < hc->results->len; i++) {
        const HostResult *result = g_ptr_array_index(hc->results, i);

        json_writer_start_object(writer, NULL);
        json_writer_str(writer, "check", result->check);
        json_writer_str(writer, "scope", result->scope ? "device" : "host");
        json_writer_str(writer, "result", host_verdict_name(result->verdict));
        json_writer_str(writer, "text", result->text);
        if (result->remedy) {
            json_writer_str(writer, "remedy", result->remedy);
        }
        json_writer_end_object(writer);
    }
    json_writer_end_array(writer);
    json_writer_end_object(writer);
    return g_string_free(json_writer_get_and_free(writer), false);
}
