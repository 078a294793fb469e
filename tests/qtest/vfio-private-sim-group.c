/*
 * QTest of private device assignment on a simulated host: without iommufd
 *
 * A container of the older interface listens to the record of what is private,
 * not to us.  What it cannot do fails the conversion as a whole, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-private-sim.h"

#define PAGE 4096ULL
/* What of the low RAM is shadow RAM, of Q35 */
#define PAM0 0x90

typedef struct Group {
    char *dir;      /* the device in sysfs */
    char *link;
    char *args;
} Group;

static void group_init(SimHost *host, Group *group, const char *id,
                       const char *place)
{
    group->dir = g_dir_make_tmp("vfio-private-sim-XXXXXX", NULL);
    group->link = g_build_filename(group->dir, "iommu_group", NULL);
    g_assert_cmpint(symlink("../iommu_groups/" stringify(SIM_GROUP_NR),
                            group->link), ==, 0);
    group->args = g_strdup_printf("-device vfio-pci,id=%s,%s,sysfsdev=%s", id,
                                  place, group->dir);
    /* Its BARs cannot be mapped into QEMU. */
    host->talks = true;
}

/* All of the buffer is shared. */
static void group_start_at(SimHost *host, Group *group, const char *place)
{
    group_init(host, group, "dev0", place);
    host->plugged = true;
    host->after = group->args;
    sim_start(host);
    g_assert_cmpuint(sim_count(host, 0, "SET_IOMMU"), ==, 1);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, 16 * PAGE, false), ==, 0);
}

static void group_start(SimHost *host, Group *group)
{
    group_start_at(host, group, "addr=3.0");
}

static void group_end(Group *group)
{
    unlink(group->link);
    rmdir(group->dir);
    g_free(group->link);
    g_free(group->dir);
    g_free(group->args);
}

static void test_order(SimHost *host)
{
    Group group;
    unsigned int from;

    group_start(host, &group);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, true), ==, 0);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "DISCARD", NULL);
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, PAGE, false), ==, 0);
    sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", "PUNCH", NULL);
    group_end(&group);
}

/* It is private as before, in the record, too, and can be shared later. */
static void test_map_fails(SimHost *host)
{
    const uint64_t size = 2 * PAGE;
    Group group;
    unsigned int from, at;
    int i;

    group_start(host, &group);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, true), ==, 0);
    for (i = 1; i <= 2; i++) {
        from = sim_now(host);
        sim_fail(host, "MAP", i, ENOMEM);
        g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, false), ==,
                        sim_convert_refused(host));
        sim_in_order(host, from, "SET_ATTRIBUTES", "MAP", "SET_ATTRIBUTES",
                     NULL);
        g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 0);

        from = sim_now(host);
        g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, true), ==, 0);
        for (at = from; at < sim_now(host); at++) {
            if (strcmp(sim_event(host, at)->name, "PRE_FAULT")) {
                g_assert_cmpstr(sim_event(host, at)->name, ==, "RUN");
            }
        }
    }
    from = sim_now(host);
    g_assert_cmphex(sim_convert(host, SIM_BUFFER, size, false), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 2);
    group_end(&group);
}

/* Containers of both kinds are in one address space, in either order. */
static void check_beside(SimHost *host, const char **place)
{
    Group group;

    group_init(host, &group, "dev1", "addr=3.0");
    *place = group.args;
    sim_start(host);
    g_assert_cmpuint(sim_count(host, 0, "SET_IOMMU"), ==, 1);
    g_assert_cmpuint(sim_count(host, 0, "BIND_IOMMUFD"), ==, 1);
    group_end(&group);
}

static void test_after_iommufd(SimHost *host)
{
    check_beside(host, &host->after);
}

static void test_before_iommufd(SimHost *host)
{
    check_beside(host, &host->before);
}

/*
 * RAM came into the container beside the BARs of the device, which is no reason
 * to keep them.
 */
static void test_eject(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    Group group;
    unsigned int from;
    int i;

    group_start_at(host, &group, "bus=rp0,addr=0");
    host->rid = SIM_BEHIND_RID;
    sim_map_port(host);
    from = sim_now(host);
    sim_rid_write(host, 0, PAM0, 0x300);
    sim_rid_write(host, 0, PAM0, 0);
    sim_find(host, from, "SET_MEMORY_REGION");
    from = sim_now(host);
    qtest_qmp_device_del_send(host->qts, "dev0");
    sim_eject(host);
    for (i = 0; i < 10000 && !sim_count(host, from, "close vfio"); i++) {
        g_usleep(1000);
    }
    sim_find(host, from, "close vfio");
    group_end(&group);
}

static const SimTest tests[] = {
    { "order", test_order },
    { "map-fails", test_map_fails },
    { "after-iommufd", test_after_iommufd },
    { "before-iommufd", test_before_iommufd },
};

void sim_test_add_group(void)
{
    sim_add_tests("group", tests, ARRAY_SIZE(tests));
    /* Of a TDX guest, shadow RAM changes nothing for the container. */
    qtest_add_func("vfio-private-sim/sw/group/eject", test_eject);
}
