/*
 * tdi-host-check: reading what the kernel shows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tdi-host-check.h"

static G_GNUC_PRINTF(2, 0)
char *host_vpath(const HostCheck *hc, const char *fmt, va_list args)
{
    g_autofree char *path = g_strdup_vprintf(fmt, args);

    return g_strconcat(hc->root, path, NULL);
}

/* Formats the arguments of the calling function into a path below the root. */
#define HOST_PATH_ARGS(path, hc, fmt) \
    do {                              \
        va_list args;                 \
        va_start(args, fmt);          \
        path = host_vpath(hc, fmt, args); \
        va_end(args);                 \
    } while (0)

char *host_path(const HostCheck *hc, const char *fmt, ...)
{
    char *path;

    HOST_PATH_ARGS(path, hc, fmt);
    return path;
}

bool host_exists(const HostCheck *hc, const char *fmt, ...)
{
    g_autofree char *path = NULL;

    HOST_PATH_ARGS(path, hc, fmt);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

char *host_read(const HostCheck *hc, const char *fmt, ...)
{
    g_autofree char *path = NULL;
    char *text;

    HOST_PATH_ARGS(path, hc, fmt);
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return NULL;
    }
    return g_strstrip(text);
}

char *host_link_name(const HostCheck *hc, const char *fmt, ...)
{
    g_autofree char *path = NULL, *target = NULL;

    HOST_PATH_ARGS(path, hc, fmt);
    target = g_file_read_link(path, NULL);
    return target ? g_path_get_basename(target) : NULL;
}

static int host_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *host_list(const HostCheck *hc, const char *fmt, ...)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = NULL;
    const char *name;
    GDir *dir;

    HOST_PATH_ARGS(path, hc, fmt);
    dir = g_dir_open(path, 0, NULL);
    while (dir && (name = g_dir_read_name(dir))) {
        g_ptr_array_add(names, g_strdup(name));
    }
    g_clear_pointer(&dir, g_dir_close);
    g_ptr_array_sort(names, host_compare);
    return names;
}

char *host_join(const GPtrArray *names, const char *none)
{
    GString *text = g_string_new(names->len ? "" : none);
    unsigned int i;

    for (i = 0; i < names->len; i++) {
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               (const char *)g_ptr_array_index(names, i));
    }
    return g_string_free(text, false);
}

int host_open(const HostCheck *hc, const char *path)
{
    g_autofree char *full = host_path(hc, "%s", path);

    return hc->ops->open(full, O_RDWR | O_CLOEXEC);
}

char *host_open_remedy(int err, const char *path, const char *missing)
{
    switch (err) {
    case EACCES:
    case EPERM:
        return g_strdup_printf("run this as root, or let your user read and "
                               "write %s", path);
    case EBUSY:
        return g_strdup("end the program that has it open");
    default:
        return g_strdup(missing);
    }
}
