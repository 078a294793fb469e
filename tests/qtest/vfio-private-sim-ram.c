/*
 * QTest of private device assignment on a simulated host: RAM and DMA
 *
 * What the device reaches has to be what the guest sees.  iommufd maps memory
 * by its file where it has one; of a private mapping, the file has the pages
 * that nobody has written to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "vfio-private-sim.h"

typedef struct RamCase {
    const char *name;
    const char *args;   /* FILE becomes the path of a file, DIR of a folder */
    const char *call;   /* maps it */
} RamCase;

#define RAM(type, args) \
    "-machine memory-backend=m0 -object memory-backend-" type \
    ",id=m0,size=4M" args

static const RamCase cases[] = {
    { "anonymous", "", "MAP" },
    { "ram", RAM("ram", ",share=off"), "MAP" },
    { "ram-share", RAM("ram", ",share=on"), "MAP_FILE" },
    { "memfd", RAM("memfd", ",share=off"), "MAP" },
    { "memfd-share", RAM("memfd", ",share=on"), "MAP_FILE" },
    { "file", RAM("file", ",share=off,mem-path=FILE"), "MAP" },
    { "file-share", RAM("file", ",share=on,mem-path=FILE"), "MAP_FILE" },
    { "file-offset", RAM("file", ",share=off,offset=4096,mem-path=FILE"),
      "MAP" },
    { "mem-path", "-mem-path DIR", "MAP" },
};

/* The call that has mapped this page for DMA */
static const char *mapped_by(SimHost *host, uint64_t iova)
{
    const char *name = "nothing";
    unsigned int at;

    for (at = 0; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (g_str_has_prefix(event->name, "MAP") && !event->ret &&
            event->args[0] <= iova &&
            iova - event->args[0] < event->args[1]) {
            name = event->name;
        }
    }
    return name;
}

static char *replace(const char *text, const char *what, const char *with)
{
    g_auto(GStrv) parts = g_strsplit(text, what, 0);

    return g_strjoinv(with, parts);
}

static void test_ram_of(const RamCase *c, bool ordinary, bool tdx)
{
    g_autoptr(SimHost) host = sim_host_new(tdx);
    g_autofree char *path = NULL, *with_file = NULL, *args = NULL;
    int fd = g_file_open_tmp("vfio-private-sim-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, 8 * MiB), ==, 0);
    close(fd);
    with_file = replace(c->args, "FILE", path);
    args = replace(with_file, "DIR", g_get_tmp_dir());
    host->ordinary = ordinary;
    host->before = args;
    sim_start(host);
    g_assert_cmpstr(mapped_by(host, SIM_BUFFER), ==, c->call);
    sim_quit(host);
    unlink(path);
}

static void test_ram(gconstpointer opaque)
{
    const RamCase *c = opaque;

    test_ram_of(c, true, false);
    test_ram_of(c, false, false);
    test_ram_of(c, false, true);
}

void sim_test_add_ram(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *name = g_strdup_printf("vfio-private-sim/ram/%s",
                                                cases[i].name);

        qtest_add_data_func(name, &cases[i], test_ram);
    }
}
