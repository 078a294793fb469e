/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wallclock - prints this machine's time, as QEMU's trace has it: seconds since
 * the epoch, with nanoseconds, which busybox's date does not know.
 */
#include "lab.h"

int main(void)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts)) {
        die("no clock: %s", strerror(errno));
    }
    printf("%lld.%09ld\n", (long long)ts.tv_sec, ts.tv_nsec);
    return 0;
}
