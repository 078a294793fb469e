/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp-fuzz - random sequences of QMP commands about TDIs.
 *
 *   qmp-fuzz SOCKET ID COUNT SEED
 *
 * Names, ids and types are wrong in every way that a client can think of; some
 * of the commands are proper ones about the device ID, and some ask for what
 * else concerns it. Leaves with 0 if each got exactly one answer, a result or an
 * error of a known class, and QEMU answers query-status at the end. Prints, ten
 * times, after how many sequences how many got a result.
 */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lab.h"

#define LINE_MAX_BYTES 65536

static const char *const commands[] = {
    "query-tdi", "tdi-bind", "tdi-unbind", "tdi-bind", "tdi-unbind",
    "query-tdi", "tdi-start", "tdi-bind ", "TDI-UNBIND", "", "query-status",
};

/* @ is the device's ID. */
static const char *const arguments[] = {
    "{\"id\": \"@\"}", "{\"id\": \"@\"}", "{\"id\": \"@\"}",
    "{\"id\": \"/machine/peripheral/@\"}", "{\"id\": \"x@\"}",
    "{\"id\": \"\"}", "{\"id\": 1}", "{\"id\": null}", "{\"id\": [\"@\"]}",
    "{\"id\": {\"id\": \"@\"}}", "{}", "{\"id\": \"@\", \"force\": true}",
    "{\"name\": \"@\"}", "[]", "\"@\"", "7", "{\"id\": \"%s%n@\"}",
    "{\"id\": \"\\u0001@\"}", "{\"id\": \"/machine\"}",
};

/* No JSON, or no command. */
static const char *const garbage[] = {
    "}", "]", "{\"execute\":}", "nonsense", "[]", "{\"execute\": 1}", "7",
    "{\"arguments\": {}}", "{\"execute\": \"query-tdi\", \"more\": 1}",
};

static const char *const proper[] = {
    "{\"execute\": \"query-tdi\"}",
    "{\"execute\": \"tdi-bind\", \"arguments\": {\"id\": \"@\"}}",
    "{\"execute\": \"tdi-unbind\", \"arguments\": {\"id\": \"@\"}}",
    "{\"execute\": \"tdi-refresh\", \"arguments\": {\"id\": \"@\"}}",
};

/*
 * What else a client can do to a VM with such a device, and to one whose memory
 * is in guest_memfd; it stays what it is.
 */
static const char *const others[] = {
    "{\"execute\": \"stop\"}",
    "{\"execute\": \"cont\"}",
    "{\"execute\": \"cont\"}",
    "{\"execute\": \"qom-get\", \"arguments\": {\"path\": "
        "\"/machine/peripheral/@\", \"property\": \"private\"}}",
    "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"cgs0\"}}",
    "{\"execute\": \"dump-guest-memory\", \"arguments\": {\"paging\": false, "
        "\"protocol\": \"file:/dev/null\", \"begin\": 0, "
        "\"length\": 1048576}}",
    "{\"execute\": \"memsave\", \"arguments\": {\"val\": 0, "
        "\"size\": 8192, \"filename\": \"/dev/null\"}}",
    "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 1048576, "
        "\"size\": 1048576, \"filename\": \"/dev/null\"}}",
    "{\"execute\": \"calc-dirty-rate\", \"arguments\": {\"calc-time\": 1}}",
    "{\"execute\": \"query-dirty-rate\"}",
    "{\"execute\": \"human-monitor-command\", \"arguments\": "
        "{\"command-line\": \"xp /64x 0x100000\"}}",
    "{\"execute\": \"human-monitor-command\", \"arguments\": "
        "{\"command-line\": \"info tdi\"}}",
    "{\"execute\": \"human-monitor-command\", \"arguments\": "
        "{\"command-line\": \"tdi_bind @\"}}",
    "{\"execute\": \"human-monitor-command\", \"arguments\": "
        "{\"command-line\": \"tdi_unbind @\"}}",
};

/* And what never succeeds, whatever the TDI does; it is in no port. */
static const char *const refused[] = {
    "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"@\"}}",
    "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"vfio-pci\", "
        "\"id\": \"@\", \"private\": true}}",
    "{\"execute\": \"qom-set\", \"arguments\": {\"path\": "
        "\"/machine/peripheral/@\", \"property\": \"private\", "
        "\"value\": false}}",
    "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"i0\"}}",
    "{\"execute\": \"migrate\", \"arguments\": {\"uri\": \"exec:true\"}}",
    "{\"execute\": \"calc-dirty-rate\", \"arguments\": {\"calc-time\": 1, "
        "\"mode\": \"dirty-bitmap\"}}",
    "{\"execute\": \"calc-dirty-rate\", \"arguments\": {\"calc-time\": 1, "
        "\"mode\": \"dirty-ring\"}}",
    "{\"execute\": \"set-vcpu-dirty-limit\", \"arguments\": "
        "{\"dirty-rate\": 1}}",
};

static const char *const classes[] = {
    "GenericError", "CommandNotFound", "DeviceNotActive", "DeviceNotFound",
};

static uint64_t state;
static FILE *line;      /* from QEMU */
static int line_fd;
static char answer[LINE_MAX_BYTES];

static unsigned rnd(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

/* Reads on to the next line that is no event. */
static void get_answer(const char *request)
{
    do {
        if (!fgets(answer, sizeof(answer), line)) {
            die("QEMU has gone after: %s", request);
        }
    } while (strstr(answer, "\"event\": "));
}

static bool is_result(const char *request)
{
    size_t i;

    if (strstr(answer, "\"return\": ")) {
        return true;
    }
    for (i = 0; i < ARRAY_SIZE(classes); i++) {
        if (strstr(answer, "\"error\": ") && strstr(answer, classes[i]) &&
            !strstr(answer, "\"desc\": \"\"")) {
            return false;
        }
    }
    die("%s\ngave %s", request, answer);
}

static bool ask(const char *request)
{
    if (dprintf(line_fd, "%s\n", request) < 0) {
        die("QEMU does not take: %s", request);
    }
    get_answer(request);
    return is_result(request);
}

/* Puts the device's ID in place of each @. */
static void fill(char *out, size_t size, const char *text, const char *id)
{
    size_t len = 0;

    *out = 0;
    for (; *text && len + strlen(id) + 2 < size; text++) {
        len += *text == '@' ? sprintf(out + len, "%s", id)
                            : sprintf(out + len, "%c", *text);
    }
}

static bool ask_random(const char *id)
{
    char args[512] = "", request[1024];

    /* In between, what a client should do. */
    if (!rnd(3)) {
        fill(request, sizeof(request), proper[rnd(ARRAY_SIZE(proper))], id);
        return ask(request);
    }
    if (!rnd(6)) {
        fill(request, sizeof(request), others[rnd(ARRAY_SIZE(others))], id);
        return ask(request);
    }
    if (!rnd(8)) {
        fill(request, sizeof(request), refused[rnd(ARRAY_SIZE(refused))], id);
        if (ask(request)) {
            die("%s\nwas not refused: %s", request, answer);
        }
        return false;
    }
    if (!rnd(8)) {
        return ask(garbage[rnd(ARRAY_SIZE(garbage))]);
    }
    if (rnd(6)) {
        fill(args, sizeof(args), arguments[rnd(ARRAY_SIZE(arguments))], id);
    }
    snprintf(request, sizeof(request), "{\"execute\": \"%s\"%s%s}",
             commands[rnd(ARRAY_SIZE(commands))],
             *args ? ", \"arguments\": " : "", args);
    return ask(request);
}

static void connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    line_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (line_fd < 0 || connect(line_fd, (struct sockaddr *)&address,
                               sizeof(address)) < 0) {
        die("%s: %s", path, strerror(errno));
    }
    line = fdopen(line_fd, "r");
    get_answer("greeting");
}

int main(int argc, char **argv)
{
    uint64_t count, i, results = 0;

    if (argc != 5) {
        die("usage: qmp-fuzz SOCKET ID COUNT SEED");
    }
    count = number(argv[3]);
    state = number(argv[4]) * 0x9e3779b97f4a7c15 + 1;
    connect_to(argv[1]);
    if (!ask("{\"execute\": \"qmp_capabilities\"}")) {
        die("no capabilities: %s", answer);
    }
    for (i = 0; i < count; i++) {
        unsigned length = 1 + rnd(6);

        while (length--) {
            results += ask_random(argv[2]);
        }
        progress(i + 1, count, results);
    }
    if (!ask("{\"execute\": \"cont\"}") ||
        !ask("{\"execute\": \"query-status\"}") ||
        !strstr(answer, "\"status\": \"running\"")) {
        die("QEMU is not well: %s", answer);
    }
    return 0;
}
