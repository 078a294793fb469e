/*
 * tdi-host-check: is this host, and a device of it, ready for private
 * assignment?
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include "qemu-version.h"
#include "tdi-host-check.h"

#define EXIT_USAGE 2

typedef struct Options {
    gboolean json;
    gboolean strict;
    gboolean version;
    char *prepare;
    char *root;
    char **words;
} Options;

static int real_open(const char *path, int flags)
{
    int fd = open(path, flags);

    return fd < 0 ? -errno : fd;
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
    int ret = ioctl(fd, request, arg);

    return ret < 0 ? -errno : ret;
}

static void real_close(int fd)
{
    close(fd);
}

static const HostOps real_ops = {
    .open = real_open,
    .ioctl = real_ioctl,
    .close = real_close,
};

static bool parse_options(Options *options, int *argc, char ***argv)
{
    const GOptionEntry entries[] = {
        { "json", 'j', 0, G_OPTION_ARG_NONE, &options->json,
          "Print the results as JSON", NULL },
        { "strict", 's', 0, G_OPTION_ARG_NONE, &options->strict,
          "Let warnings count in the exit status", NULL },
        { "prepare", 'p', 0, G_OPTION_ARG_STRING, &options->prepare,
          "Print the commands that make the device ready; run none", "BDF" },
        { "root", 'r', 0, G_OPTION_ARG_FILENAME, &options->root,
          "Look for dev, proc and sys below DIR", "DIR" },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &options->version,
          "Print the version", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->words,
          NULL, "[BDF]" },
        { NULL }
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_set_summary(context,
        "Checks whether this host, and the PCI device BDF, are ready for "
        "private\nassignment to a confidential guest. Changes nothing.");
    g_option_context_set_description(context,
        "Exit status: 0 nothing failed, 1 a check failed, 2 wrong usage, "
        "3 warnings\nalone, with --strict.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error)) {
        fprintf(stderr, "tdi-host-check: %s\n", error->message);
        return false;
    }
    if (options->words && options->words[1]) {
        fprintf(stderr, "tdi-host-check: one device at a time\n");
        return false;
    }
    if (options->prepare && (options->words || options->json ||
                             options->strict)) {
        fprintf(stderr, "tdi-host-check: --prepare goes with no other "
                "argument\n");
        return false;
    }
    return true;
}

static int prepare(HostCheck *hc)
{
    g_autofree char *why = NULL;

    if (!host_prepare(hc, stdout, &why)) {
        fprintf(stderr, "tdi-host-check: %s\n", why);
        return 1;
    }
    return 0;
}

static int check(HostCheck *hc, const Options *options)
{
    host_check_host(hc);
    if (hc->bdf) {
        host_check_device(hc);
    }
    if (options->json) {
        g_autofree char *text = host_json(hc, options->strict);

        puts(text);
    } else {
        host_print_text(hc, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"),
                        stdout);
    }
    return host_exit_status(hc->results, options->strict);
}

int main(int argc, char **argv)
{
    Options options = {};
    g_autoptr(GPtrArray) results = host_results_new();
    HostCheck hc = { .ops = &real_ops, .results = results };
    g_autofree char *bdf = NULL;
    const char *text;
    int status;

    if (!parse_options(&options, &argc, &argv)) {
        return EXIT_USAGE;
    }
    if (options.version) {
        printf("tdi-host-check %s\n", QEMU_FULL_VERSION);
        return 0;
    }
    text = options.prepare ?: (options.words ? options.words[0] : NULL);
    if (text) {
        bdf = host_pci_parse_address(text);
        if (!bdf) {
            fprintf(stderr, "tdi-host-check: '%s' is no PCI address like "
                    "0000:01:00.0\n", text);
            return EXIT_USAGE;
        }
    }
    hc.root = options.root ?: "";
    hc.bdf = bdf;
    status = options.prepare ? prepare(&hc) : check(&hc, &options);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "tdi-host-check: %s\n", strerror(errno));
        return EXIT_USAGE;
    }
    g_strfreev(options.words);
    g_free(options.prepare);
    g_free(options.root);
    return status;
}
