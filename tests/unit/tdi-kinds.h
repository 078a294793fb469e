/*
 * Kinds of guests and TSMs, and a QEMU that is built without TDIs
 *
 * Included once, by test-tdi.c, with the code that it is about: the kinds need
 * no more than the type of an object, and the stubs nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_UNIT_TDI_KINDS_H
#define TESTS_UNIT_TDI_KINDS_H

#include "qapi/error.h"
#include "qapi/qapi-commands-tdi.h"

/* A unit test is built without what draws pictures. */
#define HW_VFIO_VFIO_DISPLAY_H
typedef struct VFIODisplay VFIODisplay;

#include "../../hw/vfio-private/stubs.c"
#include "../../hw/vfio-private/tsm-arch.c"
#include "../../hw/vfio-private/tsm.c"

static const TSMArch *arch_of(const char *type)
{
    const TypeInfo info = { .name = type, .parent = TYPE_OBJECT };
    const TSMArch *arch;
    Object *obj;

    type_register_static(&info);
    obj = object_new(type);
    arch = tsm_arch(obj);
    object_unref(obj);
    return arch;
}

/* Whatever is not known cannot have TDIs. */
static void test_guest_kinds(void)
{
    static const char *const others[] = {
        "sev-snp-guest", "sev-guest", "some-guest",
    };
    const TSMArch *arch;
    int i;

    module_call_init(MODULE_INIT_QOM);
    arch = arch_of("sw-protected-vm");
    g_assert_cmpint(arch->guest, ==, TDI_GUEST_KIND_SOFTWARE);
    g_assert_null(arch->refused);
    arch = arch_of("tdx-guest");
    g_assert_cmpint(arch->guest, ==, TDI_GUEST_KIND_TDX);
    g_assert_null(arch->refused);
    for (i = 0; i < ARRAY_SIZE(others); i++) {
        arch = arch_of(others[i]);
        g_assert_cmpint(arch->guest, ==, TDI_GUEST_KIND_OTHER);
        g_assert_nonnull(arch->refused);
    }
}

/* By the device that implements it, or that device's driver; of sysfs */
static const struct {
    const char *device;
    const char *driver;
    TSMKind kind;
} tsms[] = {
    { "soft_tsm", "some-driver", TSM_KIND_SOFTWARE },
    { "tdx_host", NULL, TSM_KIND_TDX },
    { "0000:21:00.5", "ccp", TSM_KIND_SEV },
    { "0000:21:00.6", "some-driver", TSM_KIND_UNKNOWN },
    { "soft_tsm_too", NULL, TSM_KIND_UNKNOWN },
};

static void make_link(const char *target, const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_cmpint(symlink(target, path), ==, 0);
}

static void remove_in(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_true(remove(path) == 0 || errno == ENOENT);
}

static void test_tsm_kinds(void)
{
    g_autofree char *root = g_dir_make_tmp("test-tdi-XXXXXX", NULL);
    g_autofree char *tsm = g_build_filename(root, "sys/class/tsm/tsm0", NULL);
    int i;

    g_assert_cmpint(g_mkdir_with_parents(tsm, 0700), ==, 0);
    g_assert_cmpint(tsm_kind(root, "tsm0"), ==, TSM_KIND_UNKNOWN);
    for (i = 0; i < ARRAY_SIZE(tsms); i++) {
        g_autofree char *device = g_build_filename(root, tsms[i].device, NULL);

        g_assert_cmpint(g_mkdir_with_parents(device, 0700), ==, 0);
        make_link(device, tsm, "device");
        if (tsms[i].driver) {
            make_link(tsms[i].driver, device, "driver");
        }
        g_assert_cmpint(tsm_kind(root, "tsm0"), ==, tsms[i].kind);
        g_assert_cmpint(tsm_kind(root, "tsm1"), ==, TSM_KIND_UNKNOWN);
        remove_in(tsm, "device");
        remove_in(device, "driver");
        remove_in(root, tsms[i].device);
    }
    remove_in(root, "sys/class/tsm/tsm0");
    remove_in(root, "sys/class/tsm");
    remove_in(root, "sys/class");
    remove_in(root, "sys");
    g_assert_cmpint(rmdir(root), ==, 0);
}

static void check_not_found(TDIRequestInfo *info, Error *err)
{
    g_assert_null(info);
    g_assert_cmpint(error_get_class(err), ==, ERROR_CLASS_DEVICE_NOT_FOUND);
    error_free(err);
}

static void test_not_built(void)
{
    g_autoptr(TDICapabilities) caps = qmp_query_tdi_capabilities(&error_abort);
    TDIRequestInfo *info;
    Error *err = NULL;

    g_assert_false(caps->has_guest);
    g_assert_null(caps->interfaces);
    g_assert_nonnull(caps->reasons);
    g_assert_null(caps->reasons->next);
    g_assert_cmpstr(caps->reasons->value, ==, VFIO_PRIVATE_NOT_BUILT);
    g_assert_null(qmp_query_tdi(&error_abort));
    info = qmp_tdi_bind("dev0", &err);
    check_not_found(info, g_steal_pointer(&err));
    info = qmp_tdi_unbind("dev0", &err);
    check_not_found(info, g_steal_pointer(&err));
    info = qmp_tdi_refresh("dev0", &err);
    check_not_found(info, g_steal_pointer(&err));
}

#endif /* TESTS_UNIT_TDI_KINDS_H */
