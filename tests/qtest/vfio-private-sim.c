/*
 * QEMU on a simulated host: start, end and log
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/tdcm.h>
#include <sys/eventfd.h>
#include "vfio-private-sim.h"

#define SIM_FIRMWARE_SIZE 65536

/* Lines of QEMU's that have @text; @most: so many at most */
typedef struct SimExpected {
    const char *text;
    unsigned int most;
    unsigned int found;
} SimExpected;

/* QEMU inherits it. */
static void sim_fd(int fd, int wanted)
{
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(dup2(fd, wanted), ==, wanted);
    close(fd);
}

/* Returns where events for QEMU are to be written. */
static int sim_make_fds(void)
{
    int fd = memfd_create("sim-shared", 0);
    int ends[2];

    g_assert_cmpint(ftruncate(fd, sizeof(SimShared)), ==, 0);
    sim_fd(fd, SIM_SHARED_FD);
    sim_fd(eventfd(0, 0), SIM_KICK_FD);
    for (fd = SIM_DEVICE_FD; fd < SIM_SPARE_FD + SIM_SPARES; fd++) {
        sim_fd(memfd_create("sim-device", 0), fd);
    }
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    sim_fd(ends[0], SIM_EVENTQ_FD);
    return ends[1];
}

static char *sim_temp(size_t size)
{
    char *path;
    int fd = g_file_open_tmp("vfio-private-sim-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    close(fd);
    return path;
}

SimHost *sim_host_new(bool tdx)
{
    SimHost *host = g_new0(SimHost, 1);

    host->tdx = tdx;
    host->rid = SIM_RID;
    host->events = sim_make_fds();
    host->shared = mmap(NULL, sizeof(SimShared), PROT_READ | PROT_WRITE,
                        MAP_SHARED, SIM_SHARED_FD, 0);
    g_assert(host->shared != MAP_FAILED);
    host->said = sim_temp(0);
    host->expected = g_array_new(false, false, sizeof(SimExpected));
    host->firmware = sim_temp(SIM_FIRMWARE_SIZE);
    if (tdx) {
        sim_tdvf_write(host->firmware);
    }
    return host;
}

static void sim_expect_lines(SimHost *host, const char *text,
                             unsigned int most)
{
    SimExpected expected = { .text = text, .most = most };

    g_array_append_val(host->expected, expected);
}

void sim_expect(SimHost *host, const char *text)
{
    sim_expect_lines(host, text, UINT_MAX);
}

void sim_expect_once(SimHost *host, const char *text)
{
    sim_expect_lines(host, text, 1);
}

void sim_expect_stuck(SimHost *host)
{
    sim_expect_once(host, "vfio dev0: cannot unbind the TDI: Input/output "
                    "error; it is out of use");
}

/* A QEMU with ASan says once that it has coroutines. */
static char *sim_without_notice(char *said)
{
    char *at = strstr(said, "WARNING: ASan doesn't fully support makecontext");
    char *end;

    if (at) {
        while (at > said && at[-1] != '\n') {
            at--;
        }
        end = strchrnul(at, '\n');
        end += *end == '\n';
        memmove(at, end, strlen(end) + 1);
    }
    return said;
}

/* Everything that was said was expected, and the other way round. */
static void sim_check_said(SimHost *host)
{
    g_autofree char *said = NULL;
    g_auto(GStrv) lines = NULL;
    SimExpected *expected;
    unsigned int i, j;

    if (host->talks) {
        return;
    }

    g_assert_true(g_file_get_contents(host->said, &said, NULL, NULL));
    lines = g_strsplit(sim_without_notice(said), "\n", 0);
    for (i = 0; lines[i]; i++) {
        for (j = 0; *lines[i] && j < host->expected->len; j++) {
            expected = &g_array_index(host->expected, SimExpected, j);
            if (strstr(lines[i], expected->text)) {
                expected->found++;
                break;
            }
        }
        if (*lines[i] && j == host->expected->len &&
            !(host->may_say &&
              g_regex_match_simple(host->may_say, lines[i], 0, 0))) {
            g_assert_cmpstr(lines[i], ==, "nothing");
        }
    }
    for (j = 0; j < host->expected->len; j++) {
        expected = &g_array_index(host->expected, SimExpected, j);
        if (!expected->found || expected->found > expected->most) {
            g_assert_cmpstr(said, ==, expected->text);
        }
    }
}

void sim_connect(SimHost *host, const char *name)
{
    g_autofree char *dir = NULL, *path = NULL;

    host->sysfs = host->sysfs ?: g_dir_make_tmp("vfio-private-sim-XXXXXX",
                                                NULL);
    dir = g_build_filename(host->sysfs, "tsm", NULL);
    path = g_build_filename(dir, "connect", NULL);
    g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, name, -1, NULL));
}

int sim_connect_stalls(SimHost *host)
{
    g_autofree char *path = g_build_filename(host->sysfs, "tsm", "connect",
                                             NULL);
    int fd;

    unlink(path);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    sim_tdcm_begin(host, TDCM_OP_CHECK_TEEIO_SUPP);
    fd = open(path, O_WRONLY);
    g_assert_cmpint(fd, >=, 0);
    return fd;
}

void sim_connect_goes_on(SimHost *host, int fd, const char *name)
{
    /* Whoever opens it from here on has the file. */
    sim_connect(host, name);
    g_assert_cmpint(write(fd, name, strlen(name)), ==, strlen(name));
    close(fd);
}

static void sim_disconnect(SimHost *host)
{
    g_autofree char *dir = NULL, *path = NULL;

    if (host->sysfs) {
        dir = g_build_filename(host->sysfs, "tsm", NULL);
        path = g_build_filename(dir, "connect", NULL);
        unlink(path);
        rmdir(dir);
        rmdir(host->sysfs);
        g_clear_pointer(&host->sysfs, g_free);
    }
}

void sim_host_free(SimHost *host)
{
    int fd;

    if (host->qts) {
        sim_quit(host);
    }
    sim_check_said(host);
    g_array_free(host->expected, true);
    sim_disconnect(host);
    unlink(host->said);
    g_free(host->said);
    munmap(host->shared, sizeof(SimShared));
    close(host->events);
    for (fd = SIM_SHARED_FD; fd <= SIM_EVENTQ_FD; fd++) {
        close(fd);
    }
    unlink(host->firmware);
    g_free(host->firmware);
    g_free(host);
}

static char *sim_device(SimHost *host)
{
    const char *properties = host->properties ?:
                             host->ordinary ? "fd-bars=on" : "private=on";

    if (host->plugged) {
        return g_strdup("pcie-root-port,id=rp0,addr=2.0,chassis=1,slot=1");
    }
    return g_strdup_printf("vfio-pci,id=dev0,fd=%d,iommufd=i0,addr=2.0,%s%s%s",
                           SIM_DEVICE_FD, properties,
                           host->sysfs ? ",sysfsdev=" : "", host->sysfs ?: "");
}

static const char *sim_guest(SimHost *host)
{
    if (host->ordinary) {
        return "-machine q35";
    }
    return host->tdx ? "-machine q35,confidential-guest-support=c0,"
                       "kernel-irqchip=split -object tdx-guest,id=c0"
                     : "-machine q35,confidential-guest-support=c0 "
                       "-object sw-protected-vm,id=c0";
}

static char *sim_args(SimHost *host)
{
    g_autofree char *device = sim_device(host);

    return g_strdup_printf(
        "-accel kvm%s %s -cpu %s%s -m 4M -nodefaults -bios %s "
        "-object iommufd,id=i0 %s -device %s %s",
        host->accel ?: "", sim_guest(host),
        host->tdx ? "host" : "qemu64,check=off", host->cpu ?: "",
        host->firmware, host->before ?: "", device, host->after ?: "");
}

const char *sim_host_usable(void)
{
    g_auto(GStrv) argv = g_strsplit(qtest_qemu_binary(NULL), " ", 0);
    const char *const probe[] = { argv[0], "--version", NULL };
    g_auto(GStrv) envp = g_get_environ();
    const char *simhost = g_getenv("QTEST_SIMHOST");
    g_autofree char *err = NULL;
    int status;

    if (!simhost || access(simhost, R_OK)) {
        return "QTEST_SIMHOST does not name the simulated host";
    }
    envp = g_environ_setenv(envp, "LD_PRELOAD", simhost, true);
    if (!g_spawn_sync(NULL, (char **)probe, envp,
                      G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_SEARCH_PATH, NULL,
                      NULL, NULL, &err, &status, NULL) || status ||
        strstr(err, "LD_PRELOAD")) {
        return "QEMU does not start with LD_PRELOAD";
    }
    g_setenv("LD_PRELOAD", simhost, true);
    g_setenv(SIM_ENV, "on", true);
    return NULL;
}

void sim_start(SimHost *host)
{
    g_autofree char *args = sim_args(host);
    g_autofree char *line = g_strdup_printf("%s 2>%s", args, host->said);

    host->qts = qtest_init(line);
    /* The guest runs, on the simulated KVM and not on a fallback. */
    while (!sim_count(host, 0, "RUN")) {
        g_usleep(100);
    }
    if (host->tdx) {
        /* All of its RAM starts private. */
        g_assert_cmphex(sim_convert(host, SIM_BUFFER, 4 * 4096, false), ==, 0);
    }
}

void sim_start_mapped(SimHost *host)
{
    sim_start(host);
    sim_map_bars(host);
    sim_command(host, 6);
}

void sim_quit(SimHost *host)
{
    pid_t pid = qtest_pid(host->qts);
    siginfo_t info;

    /* As qtest_quit() does it, which would sleep in large steps. */
    kill(pid, SIGTERM);
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    qtest_quit(host->qts);
    host->qts = NULL;
}

char *sim_start_fails(SimHost *host)
{
    g_autofree char *args = sim_args(host);
    /* One that does not fail would run for ever. */
    g_autofree char *line = g_strdup_printf("timeout 60 %s -display none %s",
                                            qtest_qemu_binary(NULL), args);
    g_auto(GStrv) argv = NULL;
    char *err = NULL;
    int status;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_assert_true(g_spawn_sync(NULL, argv, NULL,
                               G_SPAWN_LEAVE_DESCRIPTORS_OPEN |
                               G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &err,
                               &status, NULL));
    g_test_message("%s", g_strchomp(sim_without_notice(err)));
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    return err;
}

/*
 * Faults
 */

static SimFault *sim_fault(SimHost *host, const char *name, uint32_t at,
                           int err)
{
    int i;

    for (i = 0; i < SIM_FAULTS; i++) {
        SimFault *fault = &host->shared->faults[i];

        if (fault->at) {
            continue;
        }
        *fault = (SimFault) { .err = err };
        g_strlcpy(fault->name, name, SIM_NAME);
        fault->at = at;
        return fault;
    }
    g_assert_not_reached();
}

void sim_fail(SimHost *host, const char *name, uint32_t at, int err)
{
    sim_fault(host, name, at, err);
}

void sim_fail_code(SimHost *host, const char *name, int err, uint64_t code)
{
    sim_fault(host, name, 1, err)->code = code;
}

void sim_fail_after(SimHost *host, const char *name, int err)
{
    sim_fault(host, name, 1, err)->after = true;
}

void sim_fail_always(SimHost *host, const char *name, int err)
{
    sim_fault(host, name, 1, err)->stays = true;
}

void sim_stall(SimHost *host, const char *name)
{
    qatomic_store_release(&host->shared->released, 0);
    sim_fault(host, name, 1, 0)->stall = true;
}

void sim_release(SimHost *host)
{
    qatomic_store_release(&host->shared->released, 1);
}

void sim_fail_no_more(SimHost *host)
{
    memset(host->shared->faults, 0, sizeof(host->shared->faults));
}

/*
 * Log
 */

unsigned int sim_now(SimHost *host)
{
    return qatomic_load_acquire(&host->shared->nr_events);
}

const SimEvent *sim_event(SimHost *host, unsigned int at)
{
    g_assert_cmpuint(at, <, sim_now(host));
    return &host->shared->events[at];
}

static unsigned int sim_look(SimHost *host, unsigned int from,
                             const char *name)
{
    unsigned int now = sim_now(host);

    while (from < now && strcmp(host->shared->events[from].name, name)) {
        from++;
    }
    return from < now ? from : UINT_MAX;
}

unsigned int sim_count(SimHost *host, unsigned int from, const char *name)
{
    unsigned int count = 0;

    while ((from = sim_look(host, from, name)) != UINT_MAX) {
        count++;
        from++;
    }
    return count;
}

/* What the log has is the only way to understand a failure. */
void sim_dump(SimHost *host, unsigned int from)
{
    g_autofree char *said = NULL;
    unsigned int at;

    if (g_file_get_contents(host->said, &said, NULL, NULL) && *said) {
        g_test_message("QEMU said: %s", said);
    }
    for (at = from; at < sim_now(host); at++) {
        const SimEvent *event = sim_event(host, at);

        if (strcmp(event->name, "MAP") && strcmp(event->name, "read")) {
            g_test_message("%u: %s 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64
                           " 0x%" PRIx64 " = %d", at, event->name,
                           event->args[0], event->args[1], event->args[2],
                           event->args[3], event->ret);
        }
    }
}

unsigned int sim_find(SimHost *host, unsigned int from, const char *name)
{
    unsigned int at = sim_look(host, from, name);

    if (at == UINT_MAX) {
        sim_dump(host, from);
        g_test_message("there is no %s after %u", name, from);
        g_assert_not_reached();
    }
    return at;
}

unsigned int sim_find_args(SimHost *host, unsigned int from, const char *name,
                           uint64_t arg0, uint64_t arg1)
{
    while ((from = sim_look(host, from, name)) != UINT_MAX) {
        const SimEvent *event = sim_event(host, from);

        if (event->args[0] == arg0 && event->args[1] == arg1) {
            break;
        }
        from++;
    }
    return from;
}

void sim_in_order(SimHost *host, unsigned int from, ...)
{
    const char *name;
    va_list names;

    va_start(names, from);
    while ((name = va_arg(names, const char *))) {
        from = sim_find(host, from, name) + 1;
    }
    va_end(names);
}

void sim_nothing(SimHost *host, unsigned int from)
{
    static const char *const quiet[] = {
        "RUN", "read", "TSM_GET_STATE", "VEVENTQ_READ", "WAIT",
    };
    unsigned int at;
    int i;

    for (at = from; at < sim_now(host); at++) {
        for (i = 0; i < ARRAY_SIZE(quiet); i++) {
            if (!strcmp(sim_event(host, at)->name, quiet[i])) {
                break;
            }
        }
        if (i == ARRAY_SIZE(quiet)) {
            sim_dump(host, from);
            g_assert_cmpstr(sim_event(host, at)->name, ==, "nothing");
        }
    }
}

/*
 * Tests
 */

static void sim_test(const SimTest *test, bool tdx)
{
    g_autoptr(SimHost) host = sim_host_new(tdx);

    test->fn(host);
}

static void sim_test_sw(gconstpointer test)
{
    sim_test(test, false);
}

static void sim_test_tdx(gconstpointer test)
{
    sim_test(test, true);
}

void sim_add_tests(const char *group, const SimTest *tests, int nr)
{
    int i;

    for (i = 0; i < nr; i++) {
        g_autofree char *sw = g_strdup_printf("vfio-private-sim/sw/%s/%s",
                                              group, tests[i].name);
        g_autofree char *tdx = g_strdup_printf("vfio-private-sim/tdx/%s/%s",
                                               group, tests[i].name);

        qtest_add_data_func(sw, &tests[i], sim_test_sw);
        qtest_add_data_func(tdx, &tests[i], sim_test_tdx);
    }
}
