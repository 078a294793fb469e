/*
 * QTest of private device assignment on a simulated host: RAM and its places
 *
 * RAM that leaves the guest and comes back, who is told of a conversion, and at
 * which address of QEMU a device reaches a page.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd.h>
#include <linux/kvm.h>
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "vfio-private-sim.h"

#define PAGE 4096ULL
#define PRIVATE KVM_MEMORY_ATTRIBUTE_PRIVATE
#define LOW_END 0x100000ULL
#define END_OF_RAM 0x400000ULL

/* Shadow RAM: the host bridge lets the guest see it, or hides it. */
#define SHADOW 0xc0000ULL
#define SHADOW_SIZE 0x4000ULL
#define PAM0 0x90
#define PAM_READ_ONLY 0x00000100

#define MAP_ACCESS (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static void shadow_show(SimHost *host, bool show)
{
    sim_rid_write(host, 0, PAM0, show ? 0x00000300 : 0);
}

static void check_call(SimHost *host, unsigned int from, const char *name,
                       uint64_t gpa, uint64_t size)
{
    if (sim_find_args(host, from, name, gpa, size) == UINT_MAX) {
        sim_dump(host, from);
        g_test_message("no %s of 0x%" PRIx64 " + 0x%" PRIx64, name, gpa, size);
        g_assert_not_reached();
    }
}

static void check_attribute(SimHost *host, unsigned int from, uint64_t gpa,
                            uint64_t size, uint64_t value)
{
    unsigned int at;

    check_call(host, from, "SET_ATTRIBUTES", gpa, size);
    at = sim_find_args(host, from, "SET_ATTRIBUTES", gpa, size);
    g_assert_cmphex(sim_event(host, at)->args[2], ==, value);
}

static void convert(SimHost *host, uint64_t gpa, uint64_t size, bool to_private)
{
    g_assert_cmphex(sim_convert(host, gpa, size, to_private), ==, 0);
}

static void check_refused(SimHost *host, uint64_t gpa, uint64_t size,
                          bool to_private)
{
    g_assert_cmphex(sim_convert(host, gpa, size, to_private), ==,
                    sim_convert_refused(host));
}

/* Devices that are no TDIs; all of the buffer is shared. */
static void start_free(SimHost *host)
{
    sim_fail_always(host, "VIOMMU_ALLOC", EOPNOTSUPP);
    sim_start(host);
    convert(host, SIM_BUFFER, 16 * PAGE, false);
}

/* A TDX guest has all that it never shared private, in KVM, too. */
static void test_begins(SimHost *host)
{
    start_free(host);
    if (host->tdx) {
        check_attribute(host, 0, 0, END_OF_RAM, PRIVATE);
    }
}

/* Its pages come back as they were; what is at their place meanwhile is not. */
static void test_comes_back(SimHost *host)
{
    unsigned int from;

    start_free(host);
    shadow_show(host, true);
    convert(host, SHADOW, SHADOW_SIZE, false);
    convert(host, SHADOW + PAGE, PAGE, true);

    from = sim_now(host);
    shadow_show(host, false);
    check_attribute(host, from, SHADOW, SHADOW_SIZE, 0);
    /* A vCPU would find the other view there while there is a memslot. */
    g_assert_cmpuint(sim_find_args(host, from, "SET_ATTRIBUTES", SHADOW,
                                   SHADOW_SIZE), >,
                     sim_find_args(host, from, "SET_MEMORY_REGION", SHADOW, 0));
    /* So much of it was mapped. */
    check_call(host, from, "UNMAP", SHADOW, SHADOW_SIZE - PAGE);

    from = sim_now(host);
    shadow_show(host, true);
    check_attribute(host, from, SHADOW, PAGE, 0);
    check_attribute(host, from, SHADOW + PAGE, PAGE, PRIVATE);
    check_attribute(host, from, SHADOW + 2 * PAGE, SHADOW_SIZE - 2 * PAGE, 0);
    check_call(host, from, "MAP", SHADOW, PAGE);
    check_call(host, from, "MAP", SHADOW + 2 * PAGE, SHADOW_SIZE - 2 * PAGE);
}

static bool reaches_over_low(const SimEvent *event)
{
    return event->args[0] < END_OF_RAM &&
           event->args[0] + event->args[1] > LOW_END;
}

/*
 * What is switched below 1 MiB leaves the rest its memslots and mappings, also
 * when it is switched for the first time, by the reset before the guest starts.
 */
static void test_rest_stays(SimHost *host)
{
    unsigned int from, at;

    start_free(host);
    from = sim_now(host);
    shadow_show(host, true);
    shadow_show(host, false);
    g_assert_cmpuint(sim_count(host, from, "SET_MEMORY_REGION"), >, 0);
    for (at = 0; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (reaches_over_low(event) &&
            (g_str_equal(event->name, "UNMAP") ||
             (at >= from && g_str_equal(event->name, "SET_MEMORY_REGION")))) {
            sim_dump(host, at);
            g_assert_not_reached();
        }
    }
}

/* Too late to fail: the user is told, and the guest may try by converting. */
static void test_comes_back_unmapped(SimHost *host)
{
    unsigned int from;

    start_free(host);
    shadow_show(host, true);
    convert(host, SHADOW, SHADOW_SIZE, false);
    shadow_show(host, false);
    sim_expect(host, "a part of RAM cannot be mapped for DMA any more: Cannot "
               "allocate memory; devices cannot reach it");
    sim_fail(host, "MAP", 1, ENOMEM);
    shadow_show(host, true);
    from = sim_now(host);
    convert(host, SHADOW, SHADOW_SIZE, true);
    convert(host, SHADOW, SHADOW_SIZE, false);
    check_call(host, from, "MAP", SHADOW, SHADOW_SIZE);
}

/* What a device reaches at @gpa is the page that the guest has there. */
static void check_address(SimHost *host, uint64_t gpa)
{
    unsigned int from = sim_now(host), map;

    convert(host, gpa, PAGE, true);
    convert(host, gpa, PAGE, false);
    check_call(host, from, "MAP", gpa, PAGE);
    map = sim_find_args(host, from, "MAP", gpa, PAGE);
    g_assert_cmphex(sim_event(host, map)->args[3], ==,
                    sim_event(host, sim_find(host, from, "DISCARD"))->args[0]);
}

/* Of two blocks, the second begins at the buffer. */
static void test_address(SimHost *host)
{
    host->after = "-object memory-backend-ram,id=m0,size=2M "
                  "-object memory-backend-ram,id=m1,size=2M "
                  "-numa node,memdev=m0 -numa node,memdev=m1";
    start_free(host);
    convert(host, SIM_BUFFER - PAGE, PAGE, false);
    check_address(host, SIM_BUFFER - PAGE);
    check_address(host, SIM_BUFFER);
    check_address(host, SIM_BUFFER + 3 * PAGE);
}

/* A device that is gone has nothing to do with it. */
static void test_gone(SimHost *host)
{
    unsigned int from;
    QDict *response;

    host->plugged = true;
    start_free(host);
    sim_fail(host, "DMA_BUF", 1, ENOMEM);
    response = sim_plug(host, 0);
    g_assert_true(qdict_haskey(response, "error"));
    qobject_unref(response);
    from = sim_now(host);
    convert(host, SIM_BUFFER, PAGE, true);
    convert(host, SIM_BUFFER, PAGE, false);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 2);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 0);
}

/*
 * A page that is shared, but could not be mapped again: the undo of a
 * conversion has failed.
 */
static void lose_mapping(SimHost *host, uint64_t gpa)
{
    sim_fail(host, "SET_ATTRIBUTES", 1, ENOMEM);
    sim_fail(host, "MAP", 1, ENOMEM);
    check_refused(host, gpa, PAGE, true);
}

/*
 * What iommufd cannot cut may reach over either end of a range, of which the
 * rest is not mapped at all.  Nothing of it turns private.
 */
static void test_reaches_over(SimHost *host)
{
    const uint64_t lost = SIM_BUFFER + 4 * PAGE;
    unsigned int from;

    host->talks = true;
    start_free(host);
    lose_mapping(host, lost);
    host->shared->no_cuts = 1;
    from = sim_now(host);
    check_refused(host, lost, 2 * PAGE, true);
    check_refused(host, lost - PAGE, 2 * PAGE, true);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    /* The lost page is nobody's mapping. */
    convert(host, lost, PAGE, true);
}

/* Shadow RAM that the guest cannot write to: nor can a device. */
static void test_readonly(SimHost *host)
{
    unsigned int from, map;

    start_free(host);
    shadow_show(host, true);
    convert(host, SHADOW, SHADOW_SIZE, false);
    from = sim_now(host);
    sim_rid_write(host, 0, PAM0, PAM_READ_ONLY);
    map = sim_find_args(host, from, "MAP", SHADOW, SHADOW_SIZE);
    g_assert_cmpuint(map, !=, UINT_MAX);
    g_assert_cmphex(sim_event(host, map)->args[4] & MAP_ACCESS, ==,
                    IOMMU_IOAS_MAP_READABLE);
    if (!host->tdx) {
        map = sim_find_args(host, from, "PRIVATE_MAP", SHADOW, SHADOW_SIZE);
        g_assert_cmpuint(map, !=, UINT_MAX);
        g_assert_cmphex(sim_event(host, map)->args[4] & MAP_ACCESS, ==,
                        IOMMU_IOAS_MAP_READABLE);
    }
    from = sim_now(host);
    shadow_show(host, true);
    map = sim_find_args(host, from, "MAP", SHADOW, SHADOW_SIZE);
    g_assert_cmpuint(map, !=, UINT_MAX);
    g_assert_cmphex(sim_event(host, map)->args[4] & MAP_ACCESS, ==, MAP_ACCESS);
}

static uint64_t ioas_of(SimHost *host, unsigned int from, const char *name)
{
    return sim_event(host, sim_find(host, from, name))->args[2];
}

/* Each device has an IOAS of its own; that one fails is undone in the other. */
static void test_two_ioas(SimHost *host)
{
    unsigned int from;

    host->after = "-object iommufd,id=i1 -device vfio-pci,id=dev1,fd="
                  stringify(SIM_SPARE_FD) ",iommufd=i1,addr=3.0,private=on";
    start_free(host);
    from = sim_now(host);
    convert(host, SIM_BUFFER, PAGE, true);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 2);
    convert(host, SIM_BUFFER, PAGE, false);
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 2);

    from = sim_now(host);
    sim_fail(host, "UNMAP", 2, ENOMEM);
    check_refused(host, SIM_BUFFER, PAGE, true);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "MAP"), ==, 1);
    g_assert_cmphex(ioas_of(host, from, "MAP"), ==,
                    ioas_of(host, from, "UNMAP"));

    convert(host, SIM_BUFFER, PAGE, true);
    from = sim_now(host);
    sim_fail(host, "MAP", 2, ENOMEM);
    check_refused(host, SIM_BUFFER, PAGE, false);
    g_assert_cmpuint(sim_count(host, from, "PUNCH"), ==, 0);
    g_assert_cmpuint(sim_count(host, from, "UNMAP"), ==, 1);
    g_assert_cmphex(ioas_of(host, from, "UNMAP"), ==,
                    ioas_of(host, from, "MAP"));
    convert(host, SIM_BUFFER, PAGE, false);
}

/* A range that has more than RAM is a mistake, in either direction. */
static void test_more_than_ram(SimHost *host)
{
    unsigned int from;

    start_free(host);
    convert(host, END_OF_RAM - PAGE, PAGE, true);
    from = sim_now(host);
    check_refused(host, END_OF_RAM - PAGE, 2 * PAGE, false);
    sim_nothing(host, from);

    /* The next page may be a BAR, which converts by itself. */
    sim_config_write(host, 0x18, END_OF_RAM);
    sim_config_write(host, 0x1c, 0);
    sim_command(host, 6);
    from = sim_now(host);
    check_refused(host, END_OF_RAM - PAGE, 2 * PAGE, false);
    check_refused(host, END_OF_RAM - PAGE, 2 * PAGE, true);
    g_assert_cmpuint(sim_count(host, from, "SET_ATTRIBUTES"), ==, 0);
    convert(host, END_OF_RAM, PAGE, true);
}

/* ROM has one view; no guest may fill the log with that it asked. */
static void test_rom(SimHost *host)
{
    unsigned int from;

    if (host->tdx) {
        g_test_skip("the firmware of a TDX guest is in private memory");
        return;
    }
    start_free(host);
    from = sim_now(host);
    check_refused(host, 0xfffff000, PAGE, false);
    check_refused(host, 0xfffff000, PAGE, true);
    sim_nothing(host, from);
}

static uint64_t private_memory(SimHost *host, const char *name)
{
    QDict *response = qtest_qmp(host->qts,
                                "{ 'execute': 'query-private-memory' }");
    uint64_t value = qdict_get_int(qdict_get_qdict(response, "return"), name);

    qobject_unref(response);
    return value;
}

static void test_monitor(SimHost *host)
{
    uint64_t is_private, ranges;

    start_free(host);
    g_assert_cmpuint(private_memory(host, "size"), >=, END_OF_RAM);
    is_private = private_memory(host, "private");
    ranges = private_memory(host, "ranges");
    if (!host->tdx) {
        g_assert_cmpuint(is_private, ==, 0);
        g_assert_cmpuint(ranges, ==, 0);
    }
    convert(host, SIM_BUFFER + PAGE, PAGE, true);
    convert(host, SIM_BUFFER + 3 * PAGE, 2 * PAGE, true);
    g_assert_cmpuint(private_memory(host, "private") - is_private, ==,
                     3 * PAGE);
    g_assert_cmpuint(private_memory(host, "ranges") - ranges, ==, 2);
}

/* The last one in which @gpa was mapped */
static uint64_t ioas_with(SimHost *host, uint64_t gpa)
{
    unsigned int at = sim_now(host);
    const SimEvent *event;

    do {
        event = sim_event(host, --at);
    } while (strcmp(event->name, "MAP") || gpa < event->args[0] ||
             gpa - event->args[0] >= event->args[1]);
    return event->args[2];
}

/* A device that leaves takes nothing along of another one's IOAS. */
static void test_other_ioas_stays(SimHost *host)
{
    g_autofree char *fd = g_strdup_printf("%d", SIM_SPARE_FD + 1);
    unsigned int from, maps;
    uint64_t ioas;
    QDict *device;

    /* So the slot of dev0 is the first one. */
    host->before = "-object iommufd,id=i1 "
                   "-device pcie-root-port,id=rp1,addr=3.0,chassis=2,slot=2";
    sim_fail_always(host, "VIOMMU_ALLOC", EOPNOTSUPP);
    sim_start_behind(host);
    maps = host->shared->nr_maps;
    device = qdict_from_jsonf_nofail("{ 'driver': 'vfio-pci', 'id': 'dev1',"
                                     " 'fd': %s, 'iommufd': 'i1',"
                                     " 'private': true, 'bus': 'rp1' }", fd);
    qtest_qmp_assert_success(host->qts, "{ 'execute': 'device_add',"
                             " 'arguments': %p }", device);
    ioas = ioas_with(host, SIM_BUFFER);
    maps = host->shared->nr_maps - maps;
    g_assert_cmpuint(maps, >, 3);

    from = sim_now(host);
    qtest_qmp_device_del_send(host->qts, "dev0");
    sim_eject(host);
    qtest_qmp_eventwait(host->qts, "DEVICE_DELETED");
    sim_find(host, from, "UNMAP");
    while (!sim_count(host, from, "close vfio")) {
        g_usleep(100);
    }
    /* But for its own BARs, which the other one has reached. */
    g_assert_cmpuint(host->shared->nr_maps, ==, maps - 3);

    from = sim_now(host);
    convert(host, SIM_BUFFER, PAGE, true);
    convert(host, SIM_BUFFER, PAGE, false);
    sim_in_order(host, from, "UNMAP", "SET_ATTRIBUTES", "SET_ATTRIBUTES", "MAP",
                 NULL);
    g_assert_cmphex(ioas_of(host, from, "UNMAP"), ==, ioas);
    g_assert_cmphex(ioas_of(host, from, "MAP"), ==, ioas);
}

static const SimTest tests[] = {
    { "begins", test_begins },
    { "comes-back", test_comes_back },
    { "comes-back-unmapped", test_comes_back_unmapped },
    { "rest-stays", test_rest_stays },
    { "address", test_address },
    { "gone", test_gone },
    { "two-ioas", test_two_ioas },
    { "other-ioas-stays", test_other_ioas_stays },
    { "reaches-over", test_reaches_over },
    { "readonly", test_readonly },
    { "more-than-ram", test_more_than_ram },
    { "rom", test_rom },
    { "monitor", test_monitor },
};

void sim_test_add_ram_place(void)
{
    sim_add_tests("ram-place", tests, ARRAY_SIZE(tests));
}
