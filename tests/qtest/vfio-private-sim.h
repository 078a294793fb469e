/*
 * QEMU on a simulated host, for the tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VFIO_PRIVATE_SIM_H
#define VFIO_PRIVATE_SIM_H

#include "libqtest.h"
#include "simhost/simhost.h"

/* Where the guest has its BARs, and the buffer of its requests. */
#define SIM_BAR0    0xe0000000ULL
#define SIM_BAR2    0xe0100000ULL
#define SIM_ROM     0xe0200000ULL
#define SIM_BUFFER  0x200000ULL
#define SIM_RID     0x10
/* The same for one behind a port, which is in its place */
#define SIM_PORT_RID    0x10
#define SIM_BEHIND_RID  0x100

/* GHCI: what a TDVMCALL that is not done returns */
#define SIM_TDVMCALL_INVALID     0x8000000000000000ULL
#define SIM_TDVMCALL_UNSUPPORTED 0x8000000000000003ULL

/*
 * @plugged: set before QEMU starts: the device is not there then, but a port
 * "rp0" for it.  @talks: what QEMU says does not matter.  @may_say: a regular
 * expression for lines that may come or not.  @rid: of the device.
 * @ordinary: the guest is no confidential one, the device has fd-bars=on
 * @accel, @cpu: properties of accelerator and CPU, with a comma in front
 * @properties: of the device, in place of private=on
 * @before, @after: other arguments, before and after the device
 * @sysfs: folder of the device, or NULL: see sim_connect().
 * @since, @waited: for tests that have a thread
 * @events: to write the kernel's events to; @sequence: number of the next one
 */
typedef struct SimHost {
    SimShared *shared;
    bool tdx;
    bool plugged;
    bool talks;
    const char *may_say;
    bool ordinary;
    const char *accel;
    const char *cpu;
    const char *properties;
    const char *before;
    const char *after;
    uint16_t rid;
    QTestState *qts;
    char *firmware;
    char *sysfs;
    char *said;
    GArray *expected;
    unsigned int since;
    bool waited;
    int events;
    uint32_t sequence;
} SimHost;

/*
 * sim_host_new: a host, and no QEMU yet; @tdx: the guest is to be a TDX guest
 */
SimHost *sim_host_new(bool tdx);
/* sim_host_free: ends QEMU if it is still there, and looks at what it said */
void sim_host_free(SimHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimHost, sim_host_free)

/*
 * sim_host_usable: NULL, or why QEMU cannot be tested on it.  What the test
 * starts from then on is preloaded.
 */
const char *sim_host_usable(void);

/* sim_connect: say in sysfs, which is there then, what TSM the device has */
void sim_connect(SimHost *host, const char *name);
/*
 * sim_connect_stalls: the guest asks whether its device can be a TDI, and who
 * reads that from sysfs waits there once this returns,
 * until sim_connect_goes_on()
 */
int sim_connect_stalls(SimHost *host);
void sim_connect_goes_on(SimHost *host, int fd, const char *name);
/* sim_start: start QEMU; its guest is as at reset */
void sim_start(SimHost *host);
/* sim_map_bars: give the BARs their addresses */
void sim_map_bars(SimHost *host);
/* sim_start_mapped: and has mapped the BARs, and lets the device be master */
void sim_start_mapped(SimHost *host);
/* sim_plug: device_add behind "rp0", with a spare fd; returns the response */
QDict *sim_plug(SimHost *host, int nr);
/* vfio-private-sim-port.c: the device behind "rp0", as sim_start_mapped() */
void sim_start_behind(SimHost *host);
/*
 * sim_map_port: give port and device their addresses; sim_renumber: the bus
 * below it, once; sim_bus_reset: by it; sim_eject: let go of the device
 */
void sim_map_port(SimHost *host);
void sim_renumber(SimHost *host);
void sim_bus_reset(SimHost *host);
void sim_move_window(SimHost *host);
void sim_port_off(SimHost *host);
void sim_eject(SimHost *host);
/* sim_expect: QEMU is to say a line with @text, and nothing that is not told */
void sim_expect(SimHost *host, const char *text);
/* sim_expect_once: and to say it once, however often there is reason to */
void sim_expect_once(SimHost *host, const char *text);
/* sim_expect_stuck: once, that the TDI cannot be unbound, with EIO */
void sim_expect_stuck(SimHost *host);
/* sim_quit: let QEMU end; the log stays */
void sim_quit(SimHost *host);
/* sim_start_fails: returns what QEMU says before it exits with status 1 */
char *sim_start_fails(SimHost *host);

/* Faults, see &struct SimFault */
void sim_fail(SimHost *host, const char *name, uint32_t at, int err);
void sim_fail_code(SimHost *host, const char *name, int err, uint64_t code);
void sim_fail_after(SimHost *host, const char *name, int err);
void sim_fail_always(SimHost *host, const char *name, int err);
void sim_fail_no_more(SimHost *host);
/* sim_stall: the next such call waits for sim_release() */
void sim_stall(SimHost *host, const char *name);
void sim_release(SimHost *host);

/*
 * The log.  A position is an index into it.  What is looked for and not there
 * fails the test, but with sim_count().
 */
unsigned int sim_now(SimHost *host);
unsigned int sim_count(SimHost *host, unsigned int from, const char *name);
unsigned int sim_find(SimHost *host, unsigned int from, const char *name);
const SimEvent *sim_event(SimHost *host, unsigned int at);
/* sim_find_args: with these first two arguments; returns UINT_MAX if none */
unsigned int sim_find_args(SimHost *host, unsigned int from, const char *name,
                           uint64_t arg0, uint64_t arg1);
/* sim_in_order: after @from, these come in this order; ends with NULL */
void sim_in_order(SimHost *host, unsigned int from, ...) G_GNUC_NULL_TERMINATED;
/* sim_dump: print it, for whoever has to find out why a test fails */
void sim_dump(SimHost *host, unsigned int from);
/* sim_nothing: no call that changes the device or its memory since @from */
void sim_nothing(SimHost *host, unsigned int from);

/* The guest; sim_rid_*(): config space of any device, *: of the device */
void sim_rid_write(SimHost *host, uint16_t rid, uint8_t offset,
                   uint32_t value);
uint32_t sim_rid_read(SimHost *host, uint16_t rid, uint8_t offset);
void sim_config_write(SimHost *host, uint8_t offset, uint32_t value);
uint32_t sim_config_read(SimHost *host, uint8_t offset);
void sim_command(SimHost *host, uint16_t command);

/*
 * vfio-private-sim-ended.c: the host unbinds the TDI and the kernel says so, if
 * there is one; returns when QEMU has done all that it does about that
 */
void sim_host_takes(SimHost *host);

/* sim_sleep: the guest goes to sleep (S3), until the monitor wakes it up */
void sim_sleep(SimHost *host);

/*
 * sim_exit: the vCPU's; returns what QEMU has put into it.  Or in two halves.
 */
void sim_exit_begin(SimHost *host, uint32_t reason, uint32_t nr, uint64_t ret,
                    const uint64_t args[SIM_EXIT_ARGS]);
uint64_t sim_exit_end(SimHost *host);
uint64_t sim_exit(SimHost *host, uint32_t reason, uint32_t nr, uint64_t ret,
                  const uint64_t args[SIM_EXIT_ARGS]);
/*
 * sim_access_begin: the vCPU reads what is at @gpa; of a TDX guest, privately
 * or not.  _end: it has it; _waits: it has tried, again and again.
 */
void sim_access_begin(SimHost *host, uint64_t gpa, bool is_private);
void sim_access_end(SimHost *host);
void sim_access_waits(SimHost *host);
/* sim_access_drop: it does not try any more */
void sim_access_drop(SimHost *host);
/* sim_convert: returns what the hypercall returns */
uint64_t sim_convert(SimHost *host, uint64_t gpa, uint64_t size,
                     bool to_private);
/* sim_convert_refused: what that is for a range that must not convert now */
uint64_t sim_convert_refused(SimHost *host);
/* sim_convert_busy: what that is for one that is to be tried again */
uint64_t sim_convert_busy(SimHost *host);
/* sim_call: rings for the buffer that is at @gpa; returns as above */
uint64_t sim_call(SimHost *host, uint64_t rid, uint64_t gpa, uint64_t size,
                  uint64_t vector);

/* sim_refused: what sim_call() returns for a request that is not taken */
uint64_t sim_refused(SimHost *host);

/* What became of a request; @status 0xff: it was not taken. */
typedef struct SimReply {
    uint8_t status;
    uint8_t error;
    uint32_t len;
    uint8_t data[256];
} SimReply;

SimReply sim_tdcm(SimHost *host, uint16_t operation);
/* The same in two halves */
void sim_tdcm_begin(SimHost *host, uint16_t operation);
SimReply sim_tdcm_end(SimHost *host);
/* sim_ok, sim_error: a request that succeeds, or fails with this error */
void sim_ok(SimHost *host, uint16_t operation);
void sim_error(SimHost *host, uint16_t operation, uint8_t error);
/* sim_no_tee: nothing may turn private, nor may the TDI start */
void sim_no_tee(SimHost *host);
/* sim_guest_state: what the guest is told; sim_qmp_state: the monitor */
uint8_t sim_guest_state(SimHost *host);
void sim_qmp_state(SimHost *host, const char *state);
bool sim_qmp_has_state(SimHost *host, const char *state);
/* sim_qmp_command: tdi-bind or tdi-unbind, and wait until it is in @state */
void sim_qmp_command(SimHost *host, const char *command, const char *state);

/* Take the device to a state. */
void sim_lock(SimHost *host);
void sim_make_private(SimHost *host);
void sim_run(SimHost *host);

/*
 * vfio-private-sim-dma.c: does the device's DMA reach private memory; how many
 * bytes of that have been populated
 */
bool sim_attached_private(SimHost *host);
uint64_t sim_populated(SimHost *host, unsigned int from);

/* vfio-private-sim-tdvf.c: firmware that QEMU takes for TDX, SEV-SNP guests */
void sim_tdvf_write(const char *path);

/* A test that is run for a software-protected VM, and for a TDX guest */
typedef struct SimTest {
    const char *name;
    void (*fn)(SimHost *host);
} SimTest;

/* sim_add_tests: @tests outlive the call */
void sim_add_tests(const char *group, const SimTest *tests, int nr);

/* The files of the test */
void sim_test_add_order(void);
void sim_test_add_bind(void);
void sim_test_add_caps(void);
void sim_test_add_convert(void);
void sim_test_add_errno(void);
void sim_test_add_dma(void);
void sim_test_add_dma_appear(void);
void sim_test_add_ended(void);
void sim_test_add_ends(void);
void sim_test_add_exit(void);
void sim_test_add_fault(void);
void sim_test_add_plug(void);
void sim_test_add_group(void);
void sim_test_add_qapi(void);
void sim_test_add_qapi_guest(void);
void sim_test_add_ram(void);
void sim_test_add_refuse(void);
void sim_test_add_commands(void);
void sim_test_add_port(void);
void sim_test_add_ram_convert(void);
void sim_test_add_ram_place(void);
void sim_test_add_sw(void);
void sim_test_add_busy(void);
void sim_test_add_walk(void);
void sim_test_add_tdx(void);

#endif /* VFIO_PRIVATE_SIM_H */
