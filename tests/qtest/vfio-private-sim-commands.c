/*
 * QTest of private device assignment on a simulated host: monitor commands
 *
 * No command ends a VM whose memory is in guest_memfd.  Those that touch memory
 * slots, dirty logs or the contents of RAM are tried one by one; each answers,
 * as does query-status afterwards, and no memory slot has changed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

typedef enum Answer {
    FAILS,
    WORKS,
    ANY,        /* it depends on the kind of guest, or on how QEMU is built */
} Answer;

typedef struct Command {
    Answer answer;
    const char *json;
} Command;

#define CMD(name) "{ 'execute': '" name "' }"
#define ARGS(name, args) \
    "{ 'execute': '" name "', 'arguments': { " args " } }"
#define HMP(line) ARGS("human-monitor-command", "'command-line': '" line "'")
#define MEASURE(mode) \
    ARGS("calc-dirty-rate", "'calc-time': 50, 'calc-time-unit': " \
         "'millisecond', 'mode': '" mode "'")
#define MIGRATE ARGS("migrate", "'uri': 'exec:true'")

static const Command dirty_log[] = {
    { FAILS, ARGS("calc-dirty-rate",
                  "'calc-time': 1, 'mode': 'dirty-bitmap'") },
    { FAILS, ARGS("calc-dirty-rate", "'calc-time': 1, 'mode': 'dirty-ring'") },
    { WORKS, CMD("query-dirty-rate") },
    { WORKS, HMP("calc_dirty_rate -b 1") },
    { WORKS, HMP("calc_dirty_rate -r 1") },
    { WORKS, HMP("info dirty_rate") },
    { FAILS, ARGS("set-vcpu-dirty-limit", "'dirty-rate': 1") },
    { FAILS, ARGS("set-vcpu-dirty-limit", "'dirty-rate': 1, 'cpu-index': 0") },
    { WORKS, HMP("set_vcpu_dirty_limit 1") },
    { ANY, CMD("query-vcpu-dirty-limit") },
    { WORKS, HMP("info vcpu_dirty_limit") },
    { WORKS, CMD("cancel-vcpu-dirty-limit") },
    { WORKS, HMP("cancel_vcpu_dirty_limit") },
    /* The last, as it takes a while: it only reads RAM. */
    { WORKS, MEASURE("page-sampling") },
};

static const Command migration[] = {
    { FAILS, MIGRATE },
    { WORKS, HMP("migrate -d exec:true") },
    { FAILS, CMD("migrate-start-postcopy") },
    { FAILS, CMD("migrate-pause") },
    { FAILS, ARGS("migrate-recover", "'uri': 'exec:true'") },
    { FAILS, ARGS("migrate-continue", "'state': 'pre-switchover'") },
    { FAILS, ARGS("migrate-incoming", "'uri': 'exec:true'") },
    { ANY, CMD("migrate_cancel") },
    { ANY, CMD("x-colo-lost-heartbeat") },
    { ANY, CMD("query-colo-status") },
    { ANY, ARGS("xen-set-global-dirty-log", "'enable': true") },
    { ANY, ARGS("xen-save-devices-state", "'filename': '/dev/null'") },
    { ANY, ARGS("xen-load-devices-state", "'filename': '/dev/null'") },
    { WORKS, CMD("query-migrate") },
    { WORKS, HMP("savevm lab") },
    { WORKS, HMP("loadvm lab") },
    { WORKS, HMP("delvm lab") },
    { ANY, ARGS("snapshot-save", "'job-id': 'j0', 'tag': 'lab', 'vmstate': 'x',"
                " 'devices': [ 'x' ]") },
    { ANY, ARGS("snapshot-load", "'job-id': 'j1', 'tag': 'lab', 'vmstate': 'x',"
                " 'devices': [ 'x' ]") },
};

/* That a user may want it with, and as what */
static const char *const capabilities[] = {
    "background-snapshot", "dirty-limit", "mapped-ram", "multifd",
    "postcopy-ram", "x-colo", "x-ignore-shared", "xbzrle", "zero-copy-send",
};

static const char *const modes[] = {
    "cpr-reboot", "cpr-transfer", "cpr-exec",
};

#define FILE_ARGS(address) \
    "'val': " address ", 'size': 8192, 'filename': '/dev/null'"
#define DUMP(args) \
    ARGS("dump-guest-memory", "'protocol': 'file:/dev/null', " args)

static const Command contents[] = {
    { ANY, DUMP("'paging': false") },
    { ANY, DUMP("'paging': true") },
    { ANY, DUMP("'paging': false, 'begin': 2097152, 'length': 16384") },
    { ANY, DUMP("'paging': false, 'format': 'kdump-zlib'") },
    { ANY, DUMP("'paging': false, 'format': 'win-dmp'") },
    { ANY, HMP("dump-guest-memory /dev/null") },
    { WORKS, CMD("query-dump") },
    { ANY, ARGS("memsave", FILE_ARGS("0")) },
    { ANY, ARGS("memsave", FILE_ARGS("2097152") ", 'cpu-index': 0") },
    { ANY, ARGS("pmemsave", FILE_ARGS("2097152")) },
    { ANY, ARGS("pmemsave", FILE_ARGS("16773120")) },
    { ANY, ARGS("pmemsave", FILE_ARGS("3758096384")) },
    { ANY, ARGS("pmemsave", FILE_ARGS("4294963200")) },
    { FAILS, ARGS("screendump", "'filename': '/dev/null'") },
    { WORKS, HMP("x /8x 0") },
    { WORKS, HMP("x /2i 0") },
    { WORKS, HMP("xp /8x 0x200000") },
    { WORKS, HMP("xp /2i 0x200000") },
    { WORKS, HMP("xp /8x 0xe0000000") },
    { WORKS, HMP("xp /8x 0xe0100000") },
    { WORKS, HMP("sum 0x200000 4096") },
    { WORKS, HMP("memsave 0 4096 /dev/null") },
    { WORKS, HMP("pmemsave 0 4096 /dev/null") },
    { WORKS, HMP("gva2gpa 0") },
    { WORKS, HMP("gpa2hva 0x200000") },
    { WORKS, HMP("gpa2hva 0xe0100000") },
    { WORKS, HMP("gpa2hpa 0x200000") },
    { WORKS, HMP("gpa2hpa 0xe0100000") },
    { WORKS, HMP("info mem") },
    { WORKS, HMP("info tlb") },
    { WORKS, HMP("info mtree") },
    { WORKS, HMP("info mtree -f -d -o") },
    { WORKS, HMP("info ramblock") },
    { WORKS, HMP("info registers") },
    { WORKS, HMP("gdbserver none") },
    { ANY, ARGS("sev-inject-launch-secret",
                "'packet-header': 'AA==', 'secret': 'AA=='") },
    { ANY, CMD("x-query-ramblock") },
    { ANY, DUMP("'paging': false, 'detach': true") },
    { ANY, CMD("inject-nmi") },
};

#define OBJECT(type) ARGS("object-add", "'qom-type': 'memory-backend-" type \
                          "', 'id': 'm1', 'size': 2097152")
#define DELETE ARGS("object-del", "'id': 'm1'")
#define ADD(driver, args) ARGS("device_add", "'driver': '" driver "', " args)

/* Memory slots: what a user may plug, and what may be changed of it */
static const Command slots[] = {
    { WORKS, OBJECT("ram") },
    { ANY, ADD("pc-dimm", "'memdev': 'm1', 'id': 'd1'") },
    { ANY, ADD("nvdimm", "'memdev': 'm1', 'id': 'd1'") },
    { FAILS, ADD("virtio-mem-pci", "'memdev': 'm1', 'id': 'd1'") },
    { FAILS, ADD("virtio-pmem-pci", "'memdev': 'm1', 'id': 'd1'") },
    { FAILS, ADD("ivshmem-plain", "'memdev': 'm1', 'id': 'd1'") },
    { FAILS, ADD("VGA", "'id': 'd1'") },
    { FAILS, ADD("intel-iommu", "'id': 'd1'") },
    { ANY, DELETE },
    { ANY, OBJECT("memfd") },
    { ANY, DELETE },
    { FAILS, CMD("query-balloon") },
    { FAILS, ARGS("balloon", "'value': 1048576") },
    { WORKS, HMP("balloon 1") },
    { WORKS, CMD("query-memory-devices") },
    { WORKS, CMD("query-memory-size-summary") },
    { WORKS, CMD("query-memdev") },
    { WORKS, CMD("stop") },
    { WORKS, CMD("cont") },
    /* The machine keeps it. */
    { ANY, ARGS("object-del", "'id': 'c0'") },
    { FAILS, ARGS("object-del", "'id': 'i0'") },
};

static void try_command(SimHost *host, const Command *command)
{
    unsigned int from = sim_now(host);
    QDict *response;
    bool failed;

    g_test_message("%s", command->json);
    response = qtest_qmp(host->qts, command->json, NULL);
    failed = qdict_haskey(response, "error");
    if (command->answer != ANY && failed != (command->answer == FAILS)) {
        g_assert_cmpstr(command->json, ==, failed ? "works" : "fails");
    }
    qobject_unref(response);
    qobject_unref(qtest_qmp_assert_success_ref(host->qts,
                                               CMD("query-status")));
    g_assert_cmpuint(sim_count(host, from, "SET_MEMORY_REGION"), ==, 0);
}

static void try_commands(SimHost *host, const Command *commands, int nr)
{
    int i;

    sim_start_mapped(host);
    for (i = 0; i < nr; i++) {
        try_command(host, &commands[i]);
    }
}

static void test_dirty_log(SimHost *host)
{
    try_commands(host, dirty_log, ARRAY_SIZE(dirty_log));
}

/* With a ring, the commands about the bitmap fail earlier, and others later. */
static void test_dirty_ring(SimHost *host)
{
    host->accel = ",dirty-ring-size=1024";
    try_commands(host, dirty_log, ARRAY_SIZE(dirty_log));
}

static void set_capability(SimHost *host, const char *name, bool on)
{
    qobject_unref(qtest_qmp(host->qts,
                            ARGS("migrate-set-capabilities",
                                 "'capabilities': [ { 'capability': %s,"
                                 " 'state': %i } ]"), name, on));
}

static void set_mode(SimHost *host, const char *mode)
{
    qobject_unref(qtest_qmp(host->qts, ARGS("migrate-set-parameters",
                                            "'mode': %s"), mode));
}

static void test_migration(SimHost *host)
{
    const Command migrate = { FAILS, MIGRATE };
    int i;

    try_commands(host, migration, ARRAY_SIZE(migration));
    for (i = 0; i < ARRAY_SIZE(capabilities); i++) {
        set_capability(host, capabilities[i], true);
        try_command(host, &migrate);
        set_capability(host, capabilities[i], false);
    }
    for (i = 0; i < ARRAY_SIZE(modes); i++) {
        set_mode(host, modes[i]);
        try_command(host, &migrate);
        set_mode(host, "normal");
    }
}

static void test_contents(SimHost *host)
{
    try_commands(host, contents, ARRAY_SIZE(contents));
}

static void test_slots(SimHost *host)
{
    try_commands(host, slots, ARRAY_SIZE(slots));
}

static void wait_measured(SimHost *host)
{
    for (;;) {
        QDict *rate = qtest_qmp_assert_success_ref(host->qts,
                                                   CMD("query-dirty-rate"));
        bool done = !strcmp(qdict_get_str(rate, "status"), "measured");

        qobject_unref(rate);
        if (done) {
            break;
        }
        g_usleep(1000);
    }
}

/* An ordinary VM has its dirty log as ever. */
static void test_ordinary(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    host->ordinary = true;
    sim_start(host);
    qobject_unref(qtest_qmp_assert_success_ref(host->qts,
                                               MEASURE("dirty-bitmap")));
    wait_measured(host);
}

/*
 * A client does not wait for the answer to the first. The second is refused,
 * though the first has hardly begun (if the machine is slow it has ended by
 * then): QEMU complains of a thread that finds another one at work. It has left
 * such a thread in the list of those that RCU waits for, and hung when the next
 * one got its memory.
 */
static void test_measured_twice(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    int i, j;

    host->ordinary = true;
    sim_start(host);
    for (i = 0; i < 30; i++) {
        qtest_qmp_send(host->qts, MEASURE("page-sampling"));
        qtest_qmp_send(host->qts, MEASURE("page-sampling"));
        for (j = 0; j < 2; j++) {
            QDict *response = qtest_qmp_receive(host->qts);

            g_assert_true(j || qdict_haskey(response, "return"));
            qobject_unref(response);
        }
        wait_measured(host);
    }
}

static const SimTest tests[] = {
    { "dirty-log", test_dirty_log },
    { "dirty-ring", test_dirty_ring },
    { "migration", test_migration },
    { "contents", test_contents },
    { "slots", test_slots },
};

void sim_test_add_commands(void)
{
    sim_add_tests("commands", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/commands/ordinary", test_ordinary);
    qtest_add_func("vfio-private-sim/commands/measured-twice",
                   test_measured_twice);
}
