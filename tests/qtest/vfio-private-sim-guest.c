/*
 * QEMU on a simulated host: what the guest does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm-tdcm.h>
#include <linux/tdcm.h>
#include "hw/tdisp/tdisp.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "standard-headers/asm-x86/kvm_para.h"
#include "standard-headers/linux/kvm_para.h"
#include "vfio-private-sim.h"

/* TDG.VP.VMCALL<TDCM> */
#define SIM_TDVMCALL_TDCM 0x10007

/* Longer than any exit takes, on a machine that has other things to do. */
#define SIM_WAIT_US 20000000

static void sim_config_select(SimHost *host, uint16_t rid, uint8_t offset)
{
    qtest_outl(host->qts, 0xcf8, 0x80000000u | rid << 8 | (offset & ~3));
}

void sim_rid_write(SimHost *host, uint16_t rid, uint8_t offset, uint32_t value)
{
    sim_config_select(host, rid, offset);
    qtest_outl(host->qts, 0xcfc, value);
}

uint32_t sim_rid_read(SimHost *host, uint16_t rid, uint8_t offset)
{
    sim_config_select(host, rid, offset);
    return qtest_inl(host->qts, 0xcfc);
}

void sim_config_write(SimHost *host, uint8_t offset, uint32_t value)
{
    sim_rid_write(host, host->rid, offset, value);
}

uint32_t sim_config_read(SimHost *host, uint8_t offset)
{
    return sim_rid_read(host, host->rid, offset);
}

void sim_command(SimHost *host, uint16_t command)
{
    sim_config_select(host, host->rid, 4);
    qtest_outw(host->qts, 0xcfc, command);
}

/* ICH9: where its power management is, and how the guest goes to sleep */
#define LPC_RID 0xf8
#define LPC_PMBASE 0x40
#define LPC_ACPI_CNTL 0x44
#define PM_BASE 0x600
#define PM1_CNT 4
#define PM1_SLEEP_S3 (1 << 13 | 1 << 10)

void sim_sleep(SimHost *host)
{
    sim_rid_write(host, LPC_RID, LPC_PMBASE, PM_BASE | 1);
    sim_rid_write(host, LPC_RID, LPC_ACPI_CNTL, 0x80);
    qtest_outw(host->qts, PM_BASE + PM1_CNT, PM1_SLEEP_S3);
    qtest_qmp_eventwait(host->qts, "SUSPEND");
}

void sim_map_bars(SimHost *host)
{
    sim_config_write(host, 0x10, SIM_BAR0);
    sim_config_write(host, 0x14, 0);
    sim_config_write(host, 0x18, SIM_BAR2);
    sim_config_write(host, 0x1c, 0);
}

void sim_exit_begin(SimHost *host, uint32_t reason, uint32_t nr, uint64_t ret,
                    const uint64_t args[SIM_EXIT_ARGS])
{
    SimShared *shared = host->shared;
    uint64_t one = 1;

    shared->exit.reason = reason;
    shared->exit.nr = nr;
    shared->exit.ret = ret;
    memcpy(shared->exit.args, args, sizeof(shared->exit.args));
    shared->exits_asked++;
    g_assert_cmpint(write(SIM_KICK_FD, &one, sizeof(one)), ==, sizeof(one));
}

uint64_t sim_exit_end(SimHost *host)
{
    int64_t deadline = g_get_monotonic_time() + SIM_WAIT_US;
    SimShared *shared = host->shared;

    while (qatomic_load_acquire(&shared->exits_done) != shared->exits_asked) {
        if (g_get_monotonic_time() > deadline) {
            sim_dump(host, 0);
            g_error("QEMU has not come back to KVM_RUN");
        }
        g_usleep(50);
    }
    return shared->exit.ret;
}

uint64_t sim_exit(SimHost *host, uint32_t reason, uint32_t nr, uint64_t ret,
                  const uint64_t args[SIM_EXIT_ARGS])
{
    sim_exit_begin(host, reason, nr, ret, args);
    return sim_exit_end(host);
}

void sim_access_begin(SimHost *host, uint64_t gpa, bool is_private)
{
    SimShared *shared = host->shared;
    uint64_t one = 1;

    shared->access_gpa = gpa;
    shared->access_private = is_private;
    qatomic_store_release(&shared->access_asked, shared->access_asked + 1);
    g_assert_cmpint(write(SIM_KICK_FD, &one, sizeof(one)), ==, sizeof(one));
}

void sim_access_end(SimHost *host)
{
    int64_t deadline = g_get_monotonic_time() + SIM_WAIT_US;
    SimShared *shared = host->shared;

    while (qatomic_load_acquire(&shared->access_done) !=
           shared->access_asked) {
        if (g_get_monotonic_time() > deadline) {
            sim_dump(host, 0);
            g_error("the access does not succeed");
        }
        g_usleep(50);
    }
}

void sim_access_waits(SimHost *host)
{
    int64_t deadline = g_get_monotonic_time() + SIM_WAIT_US;
    SimShared *shared = host->shared;
    uint32_t faults = qatomic_read(&shared->access_faults);

    while (qatomic_read(&shared->access_faults) - faults < 10) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_assert_cmpuint(qatomic_read(&shared->access_done), !=,
                         shared->access_asked);
        g_usleep(1000);
    }
}

void sim_access_drop(SimHost *host)
{
    qatomic_set(&host->shared->access_asked,
                qatomic_load_acquire(&host->shared->access_done));
}

uint64_t sim_convert(SimHost *host, uint64_t gpa, uint64_t size,
                     bool to_private)
{
    const uint64_t args[SIM_EXIT_ARGS] = {
        gpa, size / 4096, to_private ? KVM_MAP_GPA_RANGE_ENCRYPTED : 0,
    };

    return sim_exit(host, KVM_EXIT_HYPERCALL, KVM_HC_MAP_GPA_RANGE, 0, args);
}

uint64_t sim_convert_refused(SimHost *host)
{
    /* KVM makes it up for a TDX guest, and translates what comes back. */
    return host->tdx ? KVM_EINVAL : -KVM_EINVAL;
}

uint64_t sim_convert_busy(SimHost *host)
{
    return host->tdx ? EAGAIN : -EAGAIN;
}

static void sim_call_begin(SimHost *host, const uint64_t args[SIM_EXIT_ARGS])
{
    if (host->tdx) {
        /* KVM presets the status. */
        sim_exit_begin(host, KVM_EXIT_TDX, SIM_TDVMCALL_TDCM,
                       SIM_TDVMCALL_UNSUPPORTED, args);
    } else {
        sim_exit_begin(host, KVM_EXIT_HYPERCALL, KVM_HC_TDCM, 0, args);
    }
}

uint64_t sim_call(SimHost *host, uint64_t rid, uint64_t gpa, uint64_t size,
                  uint64_t vector)
{
    const uint64_t args[SIM_EXIT_ARGS] = { rid, gpa, size, vector };

    sim_call_begin(host, args);
    return sim_exit_end(host);
}

uint64_t sim_refused(SimHost *host)
{
    return host->tdx ? SIM_TDVMCALL_INVALID : -KVM_EINVAL;
}

void sim_tdcm_begin(SimHost *host, uint16_t operation)
{
    const uint64_t args[SIM_EXIT_ARGS] = { host->rid, SIM_BUFFER, 4096, 0 };
    struct tdcm_buffer buf = {
        .operation = cpu_to_le16(operation),
        .data_length = cpu_to_le32(4096 - sizeof(buf)),
    };

    qtest_memset(host->qts, SIM_BUFFER, 0, 4096);
    qtest_memwrite(host->qts, SIM_BUFFER, &buf, sizeof(buf));
    sim_call_begin(host, args);
}

SimReply sim_tdcm_end(SimHost *host)
{
    SimReply reply = { .status = 0xff };
    struct tdcm_buffer buf;

    if (sim_exit_end(host)) {
        return reply;
    }
    /* Of a slow TSM, the answer comes after the call has returned. */
    for (;;) {
        qtest_memread(host->qts, SIM_BUFFER, &buf, sizeof(buf));
        if (buf.status != TDCM_STATUS_WAIT) {
            break;
        }
        g_usleep(100);
    }
    reply.status = buf.status;
    reply.error = buf.error;
    reply.len = le32_to_cpu(buf.data_length);
    g_assert_cmpuint(reply.len, <=, sizeof(reply.data));
    qtest_memread(host->qts, SIM_BUFFER + sizeof(buf), reply.data, reply.len);
    return reply;
}

SimReply sim_tdcm(SimHost *host, uint16_t operation)
{
    sim_tdcm_begin(host, operation);
    return sim_tdcm_end(host);
}

void sim_ok(SimHost *host, uint16_t operation)
{
    SimReply reply = sim_tdcm(host, operation);

    g_assert_cmpint(reply.status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(reply.error, ==, 0);
}

void sim_error(SimHost *host, uint16_t operation, uint8_t error)
{
    SimReply reply = sim_tdcm(host, operation);

    g_assert_cmpint(reply.status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(reply.error, ==, error);
    g_assert_cmpint(reply.len, ==, 0);
}

void sim_no_tee(SimHost *host)
{
    unsigned int from = sim_now(host);

    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==,
                    sim_convert_refused(host));
    sim_error(host, TDCM_OP_START_TDI, TDCM_ERROR_INVALID_STATE);
    sim_nothing(host, from);
}

uint8_t sim_guest_state(SimHost *host)
{
    SimReply reply = sim_tdcm(host, TDCM_OP_GET_TDI_STATE);

    g_assert_cmpint(reply.status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(reply.len, ==, 1);
    return reply.data[0];
}

bool sim_qmp_has_state(SimHost *host, const char *state)
{
    QDict *response = qtest_qmp(host->qts, "{ 'execute': 'query-tdi' }");
    QList *list = qdict_get_qlist(response, "return");
    QDict *info = qobject_to(QDict, qlist_peek(list));
    bool equal = !strcmp(qdict_get_str(info, "state"), state);

    if (!equal) {
        g_test_message("the monitor says %s", qdict_get_str(info, "state"));
    }
    qobject_unref(response);
    return equal;
}

void sim_qmp_state(SimHost *host, const char *state)
{
    g_assert_true(sim_qmp_has_state(host, state));
}

void sim_qmp_command(SimHost *host, const char *command, const char *state)
{
    int64_t deadline = g_get_monotonic_time() + SIM_WAIT_US;

    qtest_qmp_assert_success(host->qts, "{ 'execute': %s, 'arguments': {"
                             " 'id': 'dev0' } }", command);
    while (!sim_qmp_has_state(host, state)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
}

void sim_lock(SimHost *host)
{
    sim_ok(host, TDCM_OP_BIND);
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_CONFIG_LOCKED);
}

/* What the report calls TEE memory */
void sim_make_private(SimHost *host)
{
    g_assert_cmphex(sim_convert(host, SIM_BAR0, SIM_MSIX_TABLE, true), ==, 0);
    g_assert_cmphex(sim_convert(host, SIM_BAR2, SIM_BAR2_SIZE, true), ==, 0);
}

void sim_run(SimHost *host)
{
    sim_lock(host);
    sim_make_private(host);
    sim_ok(host, TDCM_OP_START_TDI);
    g_assert_cmpint(host->shared->tdi_state, ==, TDISP_STATE_RUN);
}

/*
 * Plug
 */

QDict *sim_plug(SimHost *host, int nr)
{
    g_autofree char *fd = g_strdup_printf("%d", SIM_SPARE_FD + nr);
    QDict *device;

    g_assert_cmpint(nr, <, SIM_SPARES);
    device = qdict_from_jsonf_nofail("{ 'driver': 'vfio-pci', 'id': 'dev0',"
                                     " 'fd': %s, 'iommufd': 'i0',"
                                     " 'private': true, 'bus': 'rp0' }", fd);
    if (host->sysfs) {
        qdict_put_str(device, "sysfsdev", host->sysfs);
    }
    return qtest_qmp(host->qts, "{ 'execute': 'device_add',"
                     " 'arguments': %p }", device);
}
