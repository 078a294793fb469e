/*
 * TDISP: DMA and interrupts in every state, and tdi-testdev's DMA engine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define SIZE        0x30000     /* three steps of the engine */
#define NO_MEMORY   0xd0000000u
#define MSG_RAM     (QTDISP_RAM + 0x800000)

static void fill(uint8_t *buf, size_t len, uint8_t seed)
{
    for (size_t i = 0; i < len; i++) {
        buf[i] = seed + i * 13 + (i >> 8);
    }
}

static void test_engine(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    g_autofree uint8_t *in = g_malloc(SIZE);
    g_autofree uint8_t *out = g_malloc(SIZE);

    fill(in, SIZE, 3);
    qtest_memwrite(d->qts, QTDISP_RAM, in, SIZE);
    qtdisp_dma_setup(d, QTDISP_RAM, 0x1000, SIZE);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_READ), ==,
                     TDI_TESTDEV_DMA_OK);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_DMA_COUNT), ==, SIZE);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_COMPARE), ==,
                     TDI_TESTDEV_DMA_OK);
    qtest_memread(d->qts, d->bar2 + 0x1000, out, SIZE);
    g_assert_cmpmem(in, SIZE, out, SIZE);

    qtdisp_dma_setup(d, QTDISP_RAM + SIZE, 0x1000, SIZE);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_WRITE), ==,
                     TDI_TESTDEV_DMA_OK);
    qtest_memread(d->qts, QTDISP_RAM + SIZE, out, SIZE);
    g_assert_cmpmem(in, SIZE, out, SIZE);

    qtest_writeb(d->qts, QTDISP_RAM + SIZE + 0x1f005, in[0x1f005] ^ 1);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_COMPARE), ==,
                     TDI_TESTDEV_DMA_MISMATCH);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_DMA_COUNT), ==, 0x1f005);

    qtdisp_set_reg(d, TDI_TESTDEV_DMA_PATTERN, 0x44332211);
    qtdisp_dma_setup(d, QTDISP_RAM + 1, ~0ull, 7);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_FILL), ==,
                     TDI_TESTDEV_DMA_OK);
    qtest_memread(d->qts, QTDISP_RAM, out, 9);
    g_assert_cmphex(ldq_be_p(out + 1), ==,
                    0x1122334411223300ull | out[8]);
    g_assert_cmphex(out[0], ==, in[0]);
    g_assert_cmphex(out[8], ==, in[8]);
    qtdisp_quit(d);
}

static void test_engine_bad_arguments(void)
{
    static const struct {
        uint32_t command;
        uint64_t iova, offset;
        uint32_t length;
        uint32_t status;
    } cases[] = {
        { 0, QTDISP_RAM, 0, 4, TDI_TESTDEV_DMA_BAD_ARGS },
        { 5, QTDISP_RAM, 0, 4, TDI_TESTDEV_DMA_BAD_ARGS },
        { 1, QTDISP_RAM, 0, 0, TDI_TESTDEV_DMA_BAD_ARGS },
        { 1, QTDISP_RAM, 0x100000, 1, TDI_TESTDEV_DMA_BAD_ARGS },
        { 1, QTDISP_RAM, 0xffffc, 5, TDI_TESTDEV_DMA_BAD_ARGS },
        { 2, QTDISP_RAM, ~0ull, 2, TDI_TESTDEV_DMA_BAD_ARGS },
        { 4, QTDISP_RAM, 0, 0xffffffff, TDI_TESTDEV_DMA_BAD_ARGS },
        { 3, ~0ull - 2, 0, 4, TDI_TESTDEV_DMA_BAD_ARGS },
        { 1, NO_MEMORY, 0, 4, TDI_TESTDEV_DMA_BUS_ERROR },
        { 1, QTDISP_RAM, 0xffffc, 4, TDI_TESTDEV_DMA_OK },
    };
    QTdisp *d = qtdisp_start_testdev("");

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("case %zu", i);
        qtdisp_dma_setup(d, cases[i].iova, cases[i].offset, cases[i].length);
        g_assert_cmpuint(qtdisp_dma(d, cases[i].command), ==, cases[i].status);
    }
    /* BME off is no TDISP matter, and still stops DMA. */
    qtdisp_cfg_writew(d, d->rid, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_READ), ==,
                     TDI_TESTDEV_DMA_BUS_ERROR);
    qtdisp_quit(d);
}

/* The engine aims at its own registers and memory. */
static void test_engine_at_itself(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    qtest_writel(d->qts, d->bar2, 0x99);
    qtdisp_dma_setup(d, d->bar0 + TDI_TESTDEV_SCRATCH, 0, 4);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_WRITE), !=,
                     TDI_TESTDEV_DMA_BUSY);
    qtdisp_dma_setup(d, d->bar2 + 1, 0, 0x20000);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_WRITE), ==,
                     TDI_TESTDEV_DMA_OK);
    qtdisp_dma_setup(d, d->bar0 + TDI_TESTDEV_DMA_COMMAND, 0, 4);
    qtest_writel(d->qts, d->bar2, TDI_TESTDEV_DMA_WRITE);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_WRITE), !=,
                     TDI_TESTDEV_DMA_BUSY);
    qtdisp_quit(d);
}

/* MSI-X vector @v writes @data to guest RAM, where a test can see it. */
static void msix_setup(QTdisp *d, int v, uint32_t addr, uint32_t data)
{
    uint32_t entry = TDI_TESTDEV_MSIX_TABLE + v * PCI_MSIX_ENTRY_SIZE;
    uint16_t cap = qtdisp_find_cap(d, d->rid, PCI_CAP_ID_MSIX);

    qtdisp_set_reg(d, entry + PCI_MSIX_ENTRY_LOWER_ADDR, addr);
    qtdisp_set_reg(d, entry + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
    qtdisp_set_reg(d, entry + PCI_MSIX_ENTRY_DATA, data);
    qtdisp_set_reg(d, entry + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    qtdisp_cfg_writew(d, d->rid, cap + PCI_MSIX_FLAGS,
                      PCI_MSIX_FLAGS_ENABLE);
}

static void test_interrupts(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint16_t exp;

    qtest_writel(d->qts, MSG_RAM, 0);
    msix_setup(d, 2, MSG_RAM, 0xcafe);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 4);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 0xffffffff);
    g_assert_cmphex(qtest_readl(d->qts, MSG_RAM), ==, 0);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 2);
    g_assert_cmphex(qtest_readl(d->qts, MSG_RAM), ==, 0xcafe);

    qtest_writel(d->qts, MSG_RAM, 0);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_VECTOR, 2);
    qtdisp_dma_setup(d, QTDISP_RAM, 0, 16);
    qtdisp_dma(d, TDI_TESTDEV_DMA_READ);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_IRQ_STATUS), ==, 0);
    qtdisp_dma(d, TDI_TESTDEV_DMA_READ | TDI_TESTDEV_DMA_IRQ);
    g_assert_cmphex(qtest_readl(d->qts, MSG_RAM), ==, 0xcafe);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_IRQ_STATUS), ==,
                    TDI_TESTDEV_IRQ_DMA);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_STATUS, TDI_TESTDEV_IRQ_DMA);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_IRQ_STATUS), ==, 0);

    /* And after a function reset */
    exp = qtdisp_find_cap(d, d->rid, PCI_CAP_ID_EXP);
    qtdisp_cfg_writew(d, d->rid, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
    qtdisp_map(d);
    msix_setup(d, 1, MSG_RAM, 0xf00d);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 1);
    g_assert_cmphex(qtest_readl(d->qts, MSG_RAM), ==, 0xf00d);
    qtdisp_quit(d);
}

/*
 * A closed TDI takes no command, so the transfer starts before the change of
 * state and meets it on its way, between two steps.
 */
static void check_dma_cut_by(QTdisp *d, uint8_t from, uint8_t to)
{
    uint8_t byte;

    qtdisp_go(d, from);
    qtdisp_t(d, true);
    qtest_memset(d->qts, QTDISP_RAM, 0, SIZE);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_PATTERN, 0x5a5a5a5a);
    qtdisp_dma_setup(d, QTDISP_RAM, 0, SIZE);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_COMMAND, TDI_TESTDEV_DMA_FILL);
    qtest_clock_step(d->qts, 1100 * 1000);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_DMA_COUNT), ==, 0x10000);

    switch (to) {
    case TDISP_STATE_CONFIG_LOCKED:
        g_assert_cmphex(qtdisp_lock(d, NULL), ==, 0);
        break;
    case TDISP_STATE_ERROR:
        qtdisp_cfg_writeb(d, d->rid, PCI_BIST, 0);
        break;
    default:
        g_assert_cmphex(qtdisp_stop(d), ==, 0);
        break;
    }
    qtest_clock_step(d->qts, 100 * 1000 * 1000);
    byte = qtest_readb(d->qts, QTDISP_RAM + 0xffff);
    g_assert_cmphex(byte, ==, 0x5a);
    byte = qtest_readb(d->qts, QTDISP_RAM + 0x10000);
    g_assert_cmphex(byte, ==, 0);
    /* Aborted, and not just running against a closed gate. */
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-rejected"), ==, 0);
    qtdisp_t(d, false);
    g_assert_cmphex(qtdisp_state(d), ==, to);
}

static void test_state_change_aborts_dma(void)
{
    QTdisp *d = qtdisp_start_testdev(",dma-step-us=1000");

    check_dma_cut_by(d, TDISP_STATE_CONFIG_UNLOCKED,
                     TDISP_STATE_CONFIG_LOCKED);
    check_dma_cut_by(d, TDISP_STATE_RUN, TDISP_STATE_ERROR);
    check_dma_cut_by(d, TDISP_STATE_RUN, TDISP_STATE_CONFIG_UNLOCKED);
    qtdisp_quit(d);
}

/* DMA that is asked for in RUN or UNLOCKED passes. */
static void test_dma_passes(void)
{
    const uint8_t states[] = { TDISP_STATE_CONFIG_UNLOCKED, TDISP_STATE_RUN };
    QTdisp *d = qtdisp_start_testdev("");

    for (int i = 0; i < ARRAY_SIZE(states); i++) {
        qtdisp_go(d, states[i]);
        qtdisp_t(d, true);
        qtest_writel(d->qts, QTDISP_RAM, 0x1000 + i);
        qtdisp_dma_setup(d, QTDISP_RAM, 0, 4);
        g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_READ), ==,
                         TDI_TESTDEV_DMA_OK);
        g_assert_cmphex(qtest_readl(d->qts, d->bar2), ==, 0x1000 + i);
        qtdisp_t(d, false);
    }
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-rejected"), ==, 0);
    qtdisp_quit(d);
}

/*
 * An interrupt whose message lies outside of the message window is DMA.  The
 * MSI-X pages are open, so unmasking a pending vector makes the device write
 * in any state, without a command.
 */
static void check_message(QTdisp *d, uint8_t state)
{
    bool passes = state == TDISP_STATE_CONFIG_UNLOCKED ||
                  state == TDISP_STATE_RUN;
    uint32_t ctrl = TDI_TESTDEV_MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL;
    uint64_t before;

    qtdisp_go(d, TDISP_STATE_CONFIG_UNLOCKED);
    msix_setup(d, 0, MSG_RAM, 0xbeef);
    qtest_writel(d->qts, MSG_RAM, 0);
    qtdisp_set_reg(d, ctrl, 1);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 0);
    g_assert_cmphex(qtest_readl(d->qts, MSG_RAM), ==, 0);
    qtdisp_go(d, state);
    before = qtdisp_get_uint(d, "dma-rejected");
    qtdisp_set_reg(d, ctrl, 0);
    g_assert_cmphex(qtest_readl(d->qts, MSG_RAM), ==, passes ? 0xbeef : 0);
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-rejected"), ==,
                     before + !passes);
    g_assert_cmpuint(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_REJECT_DMA), ==,
                     before + !passes);

    /* One into the window is an interrupt, and never counts as DMA. */
    qtdisp_set_reg(d, ctrl - PCI_MSIX_ENTRY_VECTOR_CTRL, 0xfee00000);
    before = qtdisp_get_uint(d, "dma-rejected");
    if (state == TDISP_STATE_CONFIG_UNLOCKED) {
        qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 0);
    }
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-rejected"), ==, before);
}

static void test_dma_in_every_state(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    for (uint8_t state = 0; state < 4; state++) {
        g_test_message("state %u", state);
        check_message(d, state);
    }
    qtdisp_quit(d);
}

/* In CONFIG_LOCKED a pending interrupt gets through the message window. */
static void test_msi_while_locked(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    uint32_t ctrl = TDI_TESTDEV_MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL;

    msix_setup(d, 0, 0xfee00000, 0x30);
    qtdisp_set_reg(d, ctrl, 1);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_PBA), ==, 1);
    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    qtdisp_set_reg(d, ctrl, 0);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_MSIX_PBA), ==, 0);
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-rejected"), ==, 0);
    qtdisp_quit(d);
}

/*
 * A message of the device that is DMA to @addr, in LOCKED: refused by its state
 */
static void check_refused_by_state(QTdisp *d, uint64_t addr)
{
    uint32_t ctrl = TDI_TESTDEV_MSIX_TABLE + PCI_MSIX_ENTRY_VECTOR_CTRL;
    uint64_t faults, rejected;

    msix_setup(d, 0, addr, 0xbeef);
    qtdisp_set_reg(d, ctrl, 1);
    qtdisp_set_reg(d, TDI_TESTDEV_IRQ_TRIGGER, 0);
    qtdisp_go(d, TDISP_STATE_CONFIG_LOCKED);
    faults = qtdisp_get_uint(d, "dma-faults");
    rejected = qtdisp_get_uint(d, "dma-rejected");
    qtdisp_set_reg(d, ctrl, 0);
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-rejected"), ==, rejected + 1);
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-faults"), ==, faults);
}

/* DMA to nowhere is recorded, and what the gate refuses is not taken for it. */
static void test_fault_is_recorded(void)
{
    QTdisp *d = qtdisp_start_testdev("");

    qtdisp_dma_setup(d, QTDISP_RAM, 0, 16);
    qtdisp_dma(d, TDI_TESTDEV_DMA_READ);
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-faults"), ==, 0);

    qtdisp_dma_setup(d, NO_MEMORY + 0x10, 0, 16);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_FILL), ==,
                     TDI_TESTDEV_DMA_BUS_ERROR);
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-faults"), !=, 0);
    g_assert_cmphex(qtdisp_get_uint(d, "dma-fault-iova"), ==, NO_MEMORY);
    g_assert_true(qtdisp_get_bool(d, "dma-fault-write"));
    g_assert_cmpuint(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_DMA_FAULTS), ==,
                     qtdisp_get_uint(d, "dma-faults"));
    g_assert_cmphex(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_FAULT_LO), ==,
                    NO_MEMORY);
    g_assert_cmphex(qtdisp_open_reg(d, TDI_TESTDEV_OPEN_FAULT_HI), ==, 0);

    qtdisp_dma_setup(d, NO_MEMORY + 0x1000, 0, 16);
    qtdisp_dma(d, TDI_TESTDEV_DMA_READ);
    g_assert_cmphex(qtdisp_get_uint(d, "dma-fault-iova"), ==,
                    NO_MEMORY + 0x1000);
    g_assert_false(qtdisp_get_bool(d, "dma-fault-write"));

    /* Without bus mastering nothing leaves the device. */
    qtdisp_cfg_writew(d, d->rid, PCI_COMMAND, PCI_COMMAND_MEMORY);
    qtdisp_dma_setup(d, NO_MEMORY + 0x2000, 0, 16);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_READ), ==,
                     TDI_TESTDEV_DMA_BUS_ERROR);
    g_assert_cmphex(qtdisp_get_uint(d, "dma-fault-iova"), ==,
                    NO_MEMORY + 0x1000);
    check_refused_by_state(d, NO_MEMORY + 0x2000);
    qtdisp_quit(d);
}

#define VTD_REGS        0xfed90000u
#define VTD_GCMD        (VTD_REGS + 0x18)
#define VTD_RTADDR      (VTD_REGS + 0x20)
#define VTD_GCMD_TE     0x80000000u
#define VTD_GCMD_SRTP   0x40000000u
#define TABLES          (QTDISP_RAM + 0x100000)
#define TABLE(n)        (TABLES + 0x1000 * (n))

static void table_set(QTdisp *d, int table, int i, uint64_t entry)
{
    qtest_writeq(d->qts, TABLE(table) + 8 * i, entry);
}

/*
 * 0x40000000 + 16 KiB, the third page read-only and the fourth not there, and
 * 2 MiB at 0x40200000 in a large page
 */
static void iommu_setup(QTdisp *d)
{
    qtest_memset(d->qts, TABLES, 0, 0x6000);
    table_set(d, 0, 0, TABLE(1) | 1);               /* bus 0 */
    table_set(d, 1, 2 * d->rid, TABLE(2) | 1);      /* second stage */
    table_set(d, 1, 2 * d->rid + 1, 1 << 8 | 1);    /* 3 levels */
    table_set(d, 2, 1, TABLE(3) | 3);
    table_set(d, 3, 0, TABLE(4) | 3);
    table_set(d, 3, 1, (QTDISP_RAM + 0x400000) | 0x80 | 3);
    table_set(d, 4, 0, (QTDISP_RAM + 0x5000) | 3);
    table_set(d, 4, 1, (QTDISP_RAM + 0x6000) | 3);
    table_set(d, 4, 2, (QTDISP_RAM + 0x7000) | 1);
    qtest_writeq(d->qts, VTD_RTADDR, TABLES);
    qtest_writel(d->qts, VTD_GCMD, VTD_GCMD_SRTP);
    qtest_writel(d->qts, VTD_GCMD, VTD_GCMD_TE);
}

static void check_map(QTdisp *d, const char *range, const char *want)
{
    g_autofree char *map = NULL;

    if (range) {
        qtest_qmp_assert_success(d->qts, "{'execute': 'qom-set', 'arguments': {"
                                 "'path': %s, 'property': 'dma-map-range', "
                                 "'value': %s}}", d->path, range);
    }
    map = qtdisp_get_str(d, "dma-map");
    g_assert_cmpstr(map, ==, want);
}

static void check_bad_range(QTdisp *d, const char *range)
{
    QDict *rsp = qtest_qmp(d->qts, "{'execute': 'qom-set', 'arguments': {"
                           "'path': %s, 'property': 'dma-map-range', "
                           "'value': %s}}", d->path, range);

    g_assert_true(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
}

/* The tables are as they are read, and DMA agrees with them. */
static void test_iommu(void)
{
    QTdisp *d = qtdisp_start_with("tdi-testdev,tdisp=on,x-tdisp-clear=on",
                                  "-device intel-iommu");
    uint8_t byte;

    check_map(d, NULL, "off");
    check_bad_range(d, "");
    check_bad_range(d, "0x1000");
    check_bad_range(d, "0x1000+0");
    check_bad_range(d, "0x1001+0x1000");
    check_bad_range(d, "0x1000+0x1001");
    check_bad_range(d, "0x1000+0x1000 ");
    check_bad_range(d, "0xfffffffffffff000+0x1000");

    iommu_setup(d);
    check_map(d, NULL, "0x40000000+0x2000=0x1005000 rw, "
              "0x40002000+0x1000=0x1007000 r-, "
              "0x40200000+0x200000=0x1400000 rw");
    check_map(d, "0x40001000+0x2000", "0x40001000+0x1000=0x1006000 rw, "
              "0x40002000+0x1000=0x1007000 r-");
    check_map(d, "0x40210000+0x1000", "0x40210000+0x1000=0x1410000 rw");
    check_map(d, "0+0x40000000", "");
    check_map(d, "0x8000000000+0x1000", "");
    g_assert_cmpuint(qtdisp_get_uint(d, "dma-faults"), ==, 0);

    qtest_memset(d->qts, QTDISP_RAM + 0x5000, 0, 0x3000);
    qtdisp_set_reg(d, TDI_TESTDEV_DMA_PATTERN, 0x77777777);
    qtdisp_dma_setup(d, 0x40000000, 0, 0x3000);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_FILL), ==,
                     TDI_TESTDEV_DMA_BUS_ERROR);
    g_assert_cmphex(qtdisp_get_uint(d, "dma-fault-iova"), ==, 0x40002000);
    byte = qtest_readb(d->qts, QTDISP_RAM + 0x6fff);
    g_assert_cmphex(byte, ==, 0x77);
    byte = qtest_readb(d->qts, QTDISP_RAM + 0x7000);
    g_assert_cmphex(byte, ==, 0);
    qtdisp_dma_setup(d, 0x40000000, 0, 0x3000);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_READ), ==,
                     TDI_TESTDEV_DMA_OK);
    qtdisp_dma_setup(d, 0x40200000, 0, 0x10000);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_FILL), ==,
                     TDI_TESTDEV_DMA_OK);
    byte = qtest_readb(d->qts, QTDISP_RAM + 0x40ffff);
    g_assert_cmphex(byte, ==, 0x77);

    /* What is refused by state does not get as far as the IOMMU. */
    check_refused_by_state(d, 0x50000000);
    qtdisp_quit(d);
}

static void test_no_iommu(void)
{
    QTdisp *d = qtdisp_start_testdev("");
    QDict *rsp = qtest_qmp(d->qts, "{'execute': 'qom-get', 'arguments': {"
                           "'path': %s, 'property': 'dma-map'}}", d->path);

    g_assert_true(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    qtdisp_quit(d);
}

/* The shape of a GPU's copy: all of it by one command, in steps of its own */
static void test_large_copy(void)
{
    const uint32_t size = 24 * 1024 * 1024;
    QTdisp *d = qtdisp_start_testdev(",memsize=32M");

    qtest_memset(d->qts, QTDISP_RAM, 0x3c, size);
    qtdisp_dma_setup(d, QTDISP_RAM, 0x400000, size);
    g_assert_cmpuint(qtdisp_dma(d, TDI_TESTDEV_DMA_READ), ==,
                     TDI_TESTDEV_DMA_OK);
    g_assert_cmphex(qtdisp_reg(d, TDI_TESTDEV_DMA_COUNT), ==, size);
    g_assert_cmphex(qtest_readl(d->qts, d->bar2 + 0x400000 + size - 4), ==,
                    0x3c3c3c3c);
    g_assert_cmphex(qtest_readl(d->qts, d->bar2 + 0x400000 + size), ==, 0);
    qtdisp_quit(d);
}

void tdisp_test_add_dma(void)
{
    qtest_add_func("/tdisp/dma/fault-is-recorded", test_fault_is_recorded);
    qtest_add_func("/tdisp/dma/iommu", test_iommu);
    qtest_add_func("/tdisp/dma/no-iommu", test_no_iommu);
    qtest_add_func("/tdisp/testdev/dma-large", test_large_copy);
    qtest_add_func("/tdisp/testdev/dma", test_engine);
    qtest_add_func("/tdisp/testdev/dma-bad-arguments",
                   test_engine_bad_arguments);
    qtest_add_func("/tdisp/testdev/dma-at-itself", test_engine_at_itself);
    qtest_add_func("/tdisp/testdev/interrupts", test_interrupts);
    qtest_add_func("/tdisp/dma/state-change-aborts",
                   test_state_change_aborts_dma);
    qtest_add_func("/tdisp/dma/passes", test_dma_passes);
    qtest_add_func("/tdisp/dma/every-state", test_dma_in_every_state);
    qtest_add_func("/tdisp/dma/msi-while-locked", test_msi_while_locked);
}
