/*
 * TSMs: what kind one is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tsm.h"

/*
 * The kernel's class has no attribute for the kind, but a TSM is a child of the
 * device that implements it.
 */

/* By name of the parent device, or of its driver. */
static const struct {
    const char *parent;
    TSMKind kind;
} kinds[] = {
    { "soft_tsm", TSM_KIND_SOFTWARE },
    { "tdx_host", TSM_KIND_TDX },
    { "ccp", TSM_KIND_SEV },
};

static char *tsm_link_name(const char *root, const char *name,
                           const char *what)
{
    g_autofree char *path = g_strdup_printf("%s/sys/class/tsm/%s/%s", root,
                                            name, what);
    g_autofree char *target = g_file_read_link(path, NULL);

    return target ? g_path_get_basename(target) : NULL;
}

TSMKind tsm_kind(const char *root, const char *name)
{
    g_autofree char *device = tsm_link_name(root, name, "device");
    g_autofree char *driver = tsm_link_name(root, name, "device/driver");
    int i;

    for (i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!g_strcmp0(device, kinds[i].parent) ||
            !g_strcmp0(driver, kinds[i].parent)) {
            return kinds[i].kind;
        }
    }
    return TSM_KIND_UNKNOWN;
}
