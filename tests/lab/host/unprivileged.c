/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unprivileged UID MIB PATH... -- PROGRAM [ARGUMENT...] - runs a program as a user
 * without privileges, who may lock MIB of memory. It cannot open the devices at
 * PATH...: it gets them as open file descriptors, 20 and so on.
 */
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lab.h"

#define FIRST_FD 20

static void pass_fd(const char *path, int to)
{
    int fd = open(path, O_RDWR);

    if (fd < 0 || dup2(fd, to) < 0) {
        die("%s: %s", path, strerror(errno));
    }
    close(fd);
}

static void cannot_open(const char *path)
{
    if (open(path, O_RDWR) >= 0 || errno != EACCES) {
        die("%s can be opened by this user", path);
    }
}

static void drop_privileges(uid_t uid, rlim_t bytes)
{
    struct rlimit memlock = { bytes, bytes };

    if (setrlimit(RLIMIT_MEMLOCK, &memlock) < 0 || setgroups(0, NULL) < 0 ||
        setgid(uid) < 0 || setuid(uid) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        die("cannot drop privileges: %s", strerror(errno));
    }
}

int main(int argc, char **argv)
{
    int i, end = 3;

    while (end < argc && strcmp(argv[end], "--")) {
        end++;
    }
    if (end + 1 >= argc) {
        die("usage: unprivileged UID MIB PATH... -- PROGRAM [ARGUMENT...]");
    }
    for (i = 3; i < end; i++) {
        pass_fd(argv[i], FIRST_FD + i - 3);
    }
    drop_privileges(number(argv[1]), (rlim_t)number(argv[2]) << 20);
    for (i = 3; i < end; i++) {
        cannot_open(argv[i]);
    }
    execv(argv[end + 1], argv + end + 1);
    die("%s: %s", argv[end + 1], strerror(errno));
}
