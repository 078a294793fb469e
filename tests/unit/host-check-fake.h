/*
 * A host made of files, for the tests of tdi-host-check
 *
 * Unless a test changes something, all is as it should be: a machine with TDX
 * and the device FAKE_BDF, prepared.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HOST_CHECK_FAKE_H
#define HOST_CHECK_FAKE_H

#include "contrib/tdi-host-check/tdi-host-check.h"

#define FAKE_BDF "0000:01:00.0"
#define FAKE_OTHER_BDF "0000:01:00.1"
#define FAKE_DEV "/sys/bus/pci/devices/" FAKE_BDF
#define FAKE_OTHER "/sys/bus/pci/devices/" FAKE_OTHER_BDF

/**
 * struct FakeHost - what the devices answer
 * @vm_types, @attributes, @guest_memfd, @dmabuf_slots, @hypercalls: KVM's
 *     capabilities
 * @tsm_op, @private_bind, @plain_bind, @feature, @attach: of ioctls; 0 or
 *     -errno
 * @region_flags, @region_size: of each BAR
 * @no_open: end of the path of a device that cannot be opened, or NULL
 * @no_open_errno: and why
 * @open_files, @bound: state
 */
typedef struct FakeHost {
    int vm_types;
    int attributes;
    int guest_memfd;
    int dmabuf_slots;
    int hypercalls;
    int tsm_op;
    int private_bind;
    int plain_bind;
    int region_flags;
    uint64_t region_size;
    int feature;
    int attach;
    const char *no_open;
    int no_open_errno;
    int open_files;
    bool bound;
} FakeHost;

extern FakeHost fake;

/* Paths begin with a slash and are below the root of the fake host. */
void fake_put_bytes(const char *path, const void *data, size_t len);
void fake_put(const char *path, const char *text);
void fake_put_link(const char *path, const char *target);
void fake_del(const char *path);

/* fake_put_config: of FAKE_DEV; @table and @pba as in its MSI-X capability */
void fake_put_config(uint32_t table, uint32_t pba, bool tee_io, bool doe);

/* fake_setup: @bdf: device to check, or NULL */
HostCheck *fake_setup(const char *bdf);
void fake_teardown(HostCheck *hc);
void fake_run(HostCheck *hc);
const HostResult *fake_find(HostCheck *hc, const char *check);

/* host-check-output.c */
void test_output_register(void);

#endif /* HOST_CHECK_FAKE_H */
