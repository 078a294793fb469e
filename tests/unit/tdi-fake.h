/*
 * Fakes for the unit tests of guest requests and of the binding behind them
 *
 * The guest's memory, the device and the TSM are fakes.  The big lock is a lock
 * of the test's own: its thread, which stands for QEMU's main loop and all
 * vCPUs, holds it.  The worker of the queue is real, and lingers until it is
 * let go of.  What other threads do while a request has dropped the big lock
 * happens when the worker takes it again.
 *
 * Included once by each test, after qemu/osdep.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_UNIT_TDI_FAKE_H
#define TESTS_UNIT_TDI_FAKE_H

#include <malloc.h>

#include <linux/tdcm.h>

#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/qapi-events-tdi.h"
#include "hw/tdisp/tdisp.h"
#include "hw/vfio-private/request.h"
#include "system/private-ram.h"
#include "system/runstate.h"

#define RAM_BASE    0x100000ULL
#define RAM_SIZE    0x20000ULL
#define SHARED_SIZE 0x18000ULL  /* the rest of RAM is private */
#define RID         0x0108
#define BAR_SIZE    0x4000ULL
#define NO_ANSWER   0xa5        /* status of a buffer that was read only */
#define APIC_ID     0x107

/* The fakes */

typedef struct Fake {
    TDIBinding binding;
    uint8_t ram[RAM_SIZE];
    uint32_t rid;
    int refs, reads;
    unsigned int looks, reports, blockers, worker, missed;
    bool stopped, no_id;
    /* the guest's interrupts: how many, the last, what it finds at RAM_BASE */
    unsigned int interrupts;
    uint8_t vector, found;
    /* device */
    bool ready, mmio_private, hidden;
    int dma_wanted, populate_left, populate_ret;
    uint64_t populated;
    /* TSM: its TDI's state, and what the next calls return */
    uint32_t tdi;
    bool connected, ended, dma, dma_lost, dma_unknown;
    int enable_ret, disable_ret;
    int bind_ret, unbind_ret, start_ret, report_ret, state_ret, share_ret;
    uint64_t code;
    size_t report_len;
    GString *log;
    void (*on_unlock)(void);
    void (*on_relock)(void);
    void (*on_tsm)(void);
    void (*on_changed)(TDIState old, TDIState new, TDIReason reason);
} Fake;

static Fake f;

static QemuMutex fake_bql;
static __thread bool fake_bql_held, fake_bql_dropped, fake_is_test;

static void fake_log(const char *what)
{
    g_string_append_printf(f.log, "%s ", what);
}

bool bql_locked(void)
{
    return fake_bql_held;
}

void bql_lock_impl(const char *file, int line)
{
    void (*fn)(void) = f.on_relock;

    g_assert_false(fake_bql_held);
    qemu_mutex_lock(&fake_bql);
    fake_bql_held = true;
    if (fn && fake_bql_dropped) {
        f.on_relock = NULL;
        fn();
    }
}

void bql_unlock(void)
{
    g_assert_true(fake_bql_held);
    if (f.on_unlock && !fake_is_test) {
        f.on_unlock();
    }
    fake_bql_dropped = !fake_is_test;
    fake_bql_held = false;
    qemu_mutex_unlock(&fake_bql);
}

void qemu_cond_timedwait_bql(QemuCond *cond, int ms)
{
    g_assert_true(fake_bql_held);
    fake_bql_held = false;
    qemu_cond_timedwait(cond, &fake_bql, ms);
    fake_bql_held = true;
}

void bql_block_unlock(bool increase)
{
}

bool mutex_is_bql(QemuMutex *mutex)
{
    return false;
}

void bql_update_status(bool locked)
{
}

/* Workers that have called a TSM, and have not ended */
static int fake_workers;

static void fake_worker_ends(gpointer nr)
{
    qatomic_dec(&fake_workers);
}

/* Which of all workers there ever were is this? */
static unsigned int fake_worker(void)
{
    static GPrivate worker = G_PRIVATE_INIT(fake_worker_ends);
    static unsigned int nr;

    if (!g_private_get(&worker)) {
        g_private_set(&worker, GUINT_TO_POINTER(++nr));
        qatomic_inc(&fake_workers);
    }
    return GPOINTER_TO_UINT(g_private_get(&worker));
}

static void fake_tsm(const char *what)
{
    void (*fn)(void) = f.on_tsm;

    /* Only an end, which comes from the test, has QEMU wait. */
    g_assert_true(!bql_locked() || !strcmp(what, "stop"));
    fake_log(what);
    f.worker = fake_is_test ? 0 : fake_worker();
    f.on_tsm = NULL;
    if (fn) {
        fn();
    }
}

static bool fake_look(TSMContext *ctx, char **name, TSMKind *kind)
{
    fake_log("tsm?");
    f.looks++;
    if (f.connected) {
        *name = g_strdup("tsm0");
        *kind = TSM_KIND_SOFTWARE;
    }
    return f.connected;
}

static int fake_bind(TSMContext *ctx, uint32_t rid)
{
    g_assert_cmphex(rid, ==, f.rid);
    fake_tsm("bind");
    if (!f.bind_ret) {
        f.tdi = TDISP_STATE_CONFIG_LOCKED;
    }
    return f.bind_ret;
}

static int fake_unbind(TSMContext *ctx)
{
    fake_tsm("stop");
    if (!f.unbind_ret) {
        f.ended = false;
        f.dma = false;
        f.tdi = TDISP_STATE_CONFIG_UNLOCKED;
    }
    return f.unbind_ret;
}

static int fake_get_state(TSMContext *ctx, uint32_t *state, uint64_t *code)
{
    fake_tsm("state");
    *state = f.tdi;
    *code = 0;
    return f.state_ret;
}

static int fake_read_report(TSMContext *ctx, GByteArray **report,
                            uint64_t *code)
{
    TdispReport head = { .mmio_range_count = cpu_to_le32(2) };
    TdispReportRange ranges[2] = {
        { cpu_to_le64(0x777), cpu_to_le32(3), 0, cpu_to_le16(2) },
        { cpu_to_le64(0x77a), cpu_to_le32(1),
          cpu_to_le16(TDISP_RANGE_NON_TEE), cpu_to_le16(2) },
    };
    uint32_t info_len = cpu_to_le32(f.report_len);

    fake_tsm("report");
    f.reports++;
    *code = f.code;
    if (f.report_ret) {
        return f.report_ret;
    }
    *report = g_byte_array_new();
    g_byte_array_append(*report, (uint8_t *)&head, sizeof(head));
    g_byte_array_append(*report, (uint8_t *)ranges, sizeof(ranges));
    g_byte_array_append(*report, (uint8_t *)&info_len, sizeof(info_len));
    g_byte_array_set_size(*report, (*report)->len + f.report_len);
    return 0;
}

static int fake_start(TSMContext *ctx, uint64_t *code)
{
    fake_tsm("start");
    *code = f.code;
    if (!f.start_ret) {
        f.tdi = TDISP_STATE_RUN;
    }
    return f.start_ret;
}

static int fake_enable_dma(TSMContext *ctx)
{
    /* Order rules: in RUN only, and all that is private is there. */
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_RUN);
    g_assert_cmpint(f.dma_wanted, ==, 1);
    g_assert_cmpint(f.populate_left, ==, 0);
    fake_tsm("dma");
    f.dma = !f.enable_ret;
    return f.enable_ret;
}

static int fake_disable_dma(TSMContext *ctx)
{
    fake_tsm("nodma");
    /*
     * Until it is off, what turns private has to be there; an unbind that has
     * failed half way does not want that any more.
     */
    g_assert_cmpint(f.dma_wanted, ==, f.binding.state != TDI_STATE_UNKNOWN);
    f.dma &= !!f.disable_ret;
    return f.disable_ret;
}

static bool fake_dma_bytes(TSMContext *ctx, uint64_t *bytes)
{
    *bytes = f.dma && !f.dma_lost ? 0x5000 : 0;
    return !f.dma_unknown;
}

static bool fake_ended(TSMContext *ctx)
{
    g_assert_true(bql_locked());
    return f.ended;
}

static const TSMOps fake_tsm_ops = {
    .look = fake_look,
    .bind = fake_bind,
    .unbind = fake_unbind,
    .get_state = fake_get_state,
    .read_report = fake_read_report,
    .start = fake_start,
    .enable_dma = fake_enable_dma,
    .disable_dma = fake_disable_dma,
    .dma_bytes = fake_dma_bytes,
    .ended = fake_ended,
};

static uint32_t fake_rid(void *opaque)
{
    return f.rid;
}

static bool fake_ready(void *opaque)
{
    return f.ready;
}

static bool fake_part_private(void *opaque, const TDIReportPart *part)
{
    g_assert_true(part->tee && part->bar == 2 && part->size == 0x3000);
    return f.mmio_private;
}

static int fake_share_all(void *opaque)
{
    fake_log("share");
    /* Order rule: never before the TSM has stopped it. */
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    f.mmio_private &= !!f.share_ret;
    return f.share_ret;
}

static void fake_hide(void *opaque, bool hide)
{
    f.hidden = hide;
}

static void fake_remap(void *opaque)
{
    fake_log("remap");
}

static void fake_names(const char *id, const char *qom_path)
{
    g_assert_cmpstr(id, ==, f.no_id ? NULL : "fake0");
    g_assert_cmpstr(qom_path, ==, "/fake/fake0");
}

void qapi_event_send_tdi_state_changed(const char *id, const char *qom_path,
                                       TDIState old, TDIState new,
                                       TDIReason reason)
{
    fake_names(id, qom_path);
    g_assert_cmpint(old, !=, new);
    if (f.on_changed) {
        f.on_changed(old, new, reason);
    }
}

void qapi_event_send_tdi_vcpu_waits(const char *id, const char *qom_path,
                                    int64_t cpu_index, uint64_t gpa)
{
    g_assert_true(bql_locked());
    fake_names(id, qom_path);
    /* The first that misses it */
    g_assert_cmpint(cpu_index, ==, 1);
    g_assert_cmphex(gpa, ==, 0x1000);
    f.missed++;
}

static void fake_describe(void *opaque, TDIInfo *info)
{
    info->host = g_strdup("fake");
}

void private_ram_keep_populated(bool keep)
{
    f.dma_wanted += keep ? 1 : -1;
}

static int fake_populate(void *opaque, uint64_t *pos)
{
    g_assert_true(bql_locked());
    g_assert_cmpint(f.dma_wanted, ==, 1);
    fake_log("fill");
    if (f.populate_ret) {
        return f.populate_ret;
    }
    f.populated = *pos;
    *pos += 0x1000;
    f.populate_left -= f.populate_left > 0;
    return f.populate_left > 0;
}

static void fake_ref(void *opaque)
{
    f.refs++;
}

static void fake_unref(void *opaque)
{
    f.refs--;
    /* The device may be gone after the last, and the binding with it. */
    g_assert_false(f.binding.held && !f.refs);
}

static const TDIBindingOps fake_ops = {
    .rid = fake_rid,
    .make_ready = fake_ready,
    .part_private = fake_part_private,
    .share_all = fake_share_all,
    .hide = fake_hide,
    .remap = fake_remap,
    .describe = fake_describe,
    .populate = fake_populate,
    .ref = fake_ref,
    .unref = fake_unref,
};

TDIBinding *vfio_private_tdi_find(uint32_t rid)
{
    if (rid != RID) {
        return NULL;
    }
    f.refs++;
    return &f.binding;
}

bool tdcm_guest_shared(hwaddr gpa, uint64_t size)
{
    /* Nobody is asked about what is no range. */
    g_assert_cmphex(gpa + size, >, gpa);
    return gpa >= RAM_BASE && gpa - RAM_BASE <= SHARED_SIZE &&
           size <= SHARED_SIZE - (gpa - RAM_BASE);
}

/* A second look at memory is a second chance to change it. */
bool tdcm_guest_read(hwaddr gpa, void *buf, uint64_t size)
{
    if (!tdcm_guest_shared(gpa, size)) {
        return false;
    }
    memcpy(buf, f.ram + (gpa - RAM_BASE), size);
    memset(f.ram + (gpa - RAM_BASE), NO_ANSWER, size);
    f.reads++;
    return true;
}

bool tdcm_guest_write(hwaddr gpa, const void *buf, uint64_t size)
{
    /* Whoever answers has the device: it may be unplugged by now. */
    g_assert_cmpint(f.refs, >, 0);
    if (!tdcm_guest_shared(gpa, size)) {
        return false;
    }
    /* All the rest, and then the status, by one byte */
    if (size > 1) {
        g_assert_cmpint(((const struct tdcm_buffer *)buf)->status, ==,
                        TDCM_STATUS_WAIT);
    } else {
        g_assert_cmphex(gpa % 0x1000, ==, offsetof(struct tdcm_buffer, status));
    }
    memcpy(f.ram + (gpa - RAM_BASE), buf, size);
    return true;
}

bool runstate_is_running(void)
{
    return !f.stopped;
}

void tdcm_guest_interrupt(uint32_t apic_id, uint8_t vector)
{
    g_assert_cmphex(apic_id, ==, APIC_ID);
    f.interrupts++;
    f.vector = vector;
    f.found = ((struct tdcm_buffer *)f.ram)->status;
}

/* What the tests do */

static inline void setup(void)
{
    if (!fake_is_test) {
        fake_is_test = true;
        qemu_mutex_init(&fake_bql);
        bql_lock();
        tdi_linger_ms = 60 * 60 * 1000;
    }
    memset(&f, 0, sizeof(f));
    f.log = g_string_new("");
    f.rid = RID;
    f.connected = true;
    f.ready = true;
    tdi_binding_init(&f.binding, "fake", &fake_ops, NULL, &fake_tsm_ops, NULL);
    f.binding.id = "fake0";
    f.binding.path = g_strdup("/fake/fake0");
    f.binding.bar_sizes[2] = BAR_SIZE;
    g_string_truncate(f.log, 0);
}

/* others_go_on: for a moment */
static inline void others_go_on(void)
{
    bql_unlock();
    g_usleep(20);
    bql_lock();
}

/* idle: let the worker run until nothing is left to do */
static inline void idle(void)
{
    while (tdi_binding_busy(&f.binding) || f.binding.held) {
        others_go_on();
    }
}

static inline void teardown(void)
{
    idle();
    f.unbind_ret = 0;
    g_assert_true(tdi_binding_force(&f.binding, TDI_REASON_UNPLUG));
    g_assert_cmpint(f.tdi, ==, TDISP_STATE_CONFIG_UNLOCKED);
    g_assert_cmpint(f.refs, ==, 0);
    g_assert_false(f.hidden);
    g_assert_false(f.dma);
    g_assert_cmpint(f.dma_wanted, ==, 0);
    tdi_binding_destroy(&f.binding);
    /* It is not left behind. */
    while (qatomic_read(&fake_workers)) {
        others_go_on();
    }
    g_string_free(f.log, true);
}

static inline struct tdcm_buffer *buffer(uint16_t op)
{
    struct tdcm_buffer *b = (struct tdcm_buffer *)f.ram;

    memset(b, 0, 0x1000);
    b->operation = cpu_to_le16(op);
    b->data_length = cpu_to_le32(0x1000 - sizeof(*b));
    return b;
}

static inline int ring(uint64_t devid, uint64_t gpa, uint64_t size,
                       uint64_t vector)
{
    const TDCMCall call = { devid, gpa, size, vector, APIC_ID };

    f.reads = 0;
    return vfio_private_request(&call);
}

static inline struct tdcm_buffer *request(uint16_t op)
{
    struct tdcm_buffer *b = buffer(op);

    g_assert_cmpint(ring(RID, RAM_BASE, 0x1000, 0), ==, 0);
    g_assert_cmpint(f.reads, ==, 1);
    idle();
    g_assert_cmpint(b->status, !=, NO_ANSWER);
    g_assert_cmpint(le16_to_cpu(b->operation), ==, op);
    return b;
}

static inline void ask_done(TDIRequest *request)
{
    g_assert_true(bql_locked());
}

/* ask: what the guest has no request for; returns how it ended */
static inline int ask(TDIOperation operation, TDIReason reason)
{
    TDIRequest ask = {
        .operation = operation, .reason = reason, .done = ask_done,
    };

    tdi_submit(&f.binding, &ask);
    idle();
    g_clear_pointer(&ask.report, g_byte_array_unref);
    return ask.ret;
}

static inline struct tdcm_buffer *request_ok(uint16_t op)
{
    struct tdcm_buffer *b = request(op);

    g_assert_cmpint(b->status, ==, TDCM_STATUS_COMPLETED);
    g_assert_cmpint(b->error, ==, 0);
    return b;
}

static inline void request_err(uint16_t op, uint8_t error)
{
    struct tdcm_buffer *b = request(op);

    g_assert_cmpint(b->status, ==, TDCM_STATUS_ERROR);
    g_assert_cmpint(b->error, ==, error);
    g_assert_cmpint(b->data_length, ==, 0);
}

static inline void expect_state(uint8_t state)
{
    struct tdcm_buffer *b = request_ok(TDCM_OP_GET_TDI_STATE);

    g_assert_cmpint(le32_to_cpu(b->data_length), ==, 1);
    g_assert_cmpint(b->data[0], ==, state);
}

static inline void to_run_locked(void)
{
    f.mmio_private = true;
    request_ok(TDCM_OP_START_TDI);
    expect_state(TDISP_STATE_RUN);
}

static inline void to_run(void)
{
    request_ok(TDCM_OP_BIND);
    to_run_locked();
}

/* What is in use of the heap, by glibc; others do not tell */
static inline size_t heap_bytes(void)
{
#ifdef M_ARENA_MAX
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* leaves_nothing: what may be done over and over leaves nothing behind */
static inline void leaves_nothing(void (*repeat)(int times))
{
    size_t before;

    repeat(200);
    before = heap_bytes();
    repeat(2000);
    g_assert_cmpuint(heap_bytes(), <, before + (64 << 10));
}

static inline int may_private(uint64_t offset, uint64_t size)
{
    return tdi_binding_may_convert(&f.binding, 2, offset, size, true);
}

static inline int may_shared(uint64_t offset, uint64_t size)
{
    return tdi_binding_may_convert(&f.binding, 2, offset, size, false);
}

#endif /* TESTS_UNIT_TDI_FAKE_H */
