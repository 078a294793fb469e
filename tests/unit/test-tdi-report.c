/*
 * Unit tests of the parser of TDISP interface reports
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/tdisp/tdisp.h"
#include "hw/vfio-private/tdi.h"

#define BASE 0x123456789ULL     /* page number, anything */

typedef struct Range {
    uint64_t page;
    uint32_t pages;
    uint16_t attributes;
    uint16_t bar;
} Range;

/* BAR 0: 16 pages; BAR 2: 4 pages; BAR 4: 64 GiB */
static const uint64_t sizes[TDI_REPORT_NR_BARS] = {
    0x10000, 0, 0x4000, 0, 64ULL << 30, 0,
};

static GByteArray *report_new(const Range *ranges, uint32_t nr,
                              uint32_t info_len)
{
    GByteArray *report = g_byte_array_new();
    TdispReport head = { .mmio_range_count = cpu_to_le32(nr) };
    uint32_t le_len = cpu_to_le32(info_len);
    uint32_t i;

    g_byte_array_append(report, (uint8_t *)&head, sizeof(head));
    for (i = 0; i < nr; i++) {
        TdispReportRange range = {
            .first_page = cpu_to_le64(ranges[i].page),
            .pages = cpu_to_le32(ranges[i].pages),
            .attributes = cpu_to_le16(ranges[i].attributes),
            .range_id = cpu_to_le16(ranges[i].bar),
        };

        g_byte_array_append(report, (uint8_t *)&range, sizeof(range));
    }
    g_byte_array_append(report, (uint8_t *)&le_len, sizeof(le_len));
    for (i = 0; i < info_len; i++) {
        g_byte_array_append(report, (const uint8_t *)"i", 1);
    }
    return report;
}

static GArray *parse(const Range *ranges, uint32_t nr)
{
    g_autoptr(GByteArray) report = report_new(ranges, nr, 5);
    const char *reason;
    GArray *parts = tdi_report_parse(report->data, report->len, sizes,
                                     &reason);

    g_assert_true(parts ? !reason : !!reason);
    return parts;
}

typedef struct RefusalCase {
    const char *name;
    uint32_t nr;
    Range ranges[3];
} RefusalCase;

static const RefusalCase refusals[] = {
    { "no-ranges", 0 },
    { "no-such-bar", 1, { { BASE, 16, 0, 6 } } },
    { "wild-bar", 1, { { BASE, 16, 0, 0xffff } } },
    { "bar-is-not-memory", 1, { { BASE, 16, 0, 1 } } },
    { "empty-range", 2, { { BASE, 0, 0, 0 }, { BASE, 16, 0, 0 } } },
    { "too-small", 1, { { BASE, 15, 0, 0 } } },
    { "too-large", 1, { { BASE, 17, 0, 0 } } },
    { "far-too-large", 1, { { BASE, 0xffffffff, 0, 0 } } },
    { "hole", 2, { { BASE, 8, 0, 0 }, { BASE + 9, 7, 0, 0 } } },
    { "overlap", 2, { { BASE, 8, 0, 0 }, { BASE + 7, 8, 0, 0 } } },
    { "descending", 2, { { BASE + 8, 8, 0, 0 }, { BASE, 8, 0, 0 } } },
    { "wraps-to-where-it-should-be", 2,
      { { 0, 8, 0, 0 }, { (1ULL << 52) + 8, 8, 0, 0 } } },
    { "bar-comes-twice", 3,
      { { BASE, 16, 0, 0 }, { BASE, 4, 0, 2 }, { BASE, 16, 0, 0 } } },
    { "second-bar-incomplete", 2, { { BASE, 16, 0, 0 }, { BASE, 3, 0, 2 } } },
    { "first-bar-incomplete", 2, { { BASE, 15, 0, 0 }, { BASE, 4, 0, 2 } } },
};

static void test_refusal(gconstpointer data)
{
    const RefusalCase *c = data;

    g_assert_null(parse(c->ranges, c->nr));
}

/* Every length but the right one. */
static void test_cut_short(void)
{
    const Range range = { BASE, 16, 0, 0 };
    g_autoptr(GByteArray) report = report_new(&range, 1, 7);
    const char *reason;
    size_t len;

    for (len = 0; len < report->len; len++) {
        /* A copy of its own, so that ASan sees its end. */
        g_autofree uint8_t *copy = g_memdup2(report->data, len);

        g_assert_null(tdi_report_parse(copy, len, sizes, &reason));
        g_assert_nonnull(reason);
    }
    g_byte_array_append(report, (const uint8_t *)"x", 1);
    g_assert_null(tdi_report_parse(report->data, report->len, sizes, &reason));
}

static void test_count_lies(void)
{
    static const uint32_t counts[] = { 2, 0x10000000, 0x10000001, UINT32_MAX };
    const Range range = { BASE, 16, 0, 0 };
    g_autoptr(GByteArray) report = report_new(&range, 1, 0);
    int i;

    for (i = 0; i < ARRAY_SIZE(counts); i++) {
        const char *reason;

        stl_le_p(report->data + offsetof(TdispReport, mmio_range_count),
                 counts[i]);
        g_assert_null(tdi_report_parse(report->data, report->len, sizes,
                                       &reason));
    }
}

static void test_whole_bars(void)
{
    const Range ranges[] = {
        { BASE, 16, 0, 0 }, { 7, 4, 0, 2 }, { 1, 1 << 24, 0, 4 },
    };
    g_autoptr(GArray) parts = parse(ranges, 3);
    const TDIReportPart *last;

    g_assert_nonnull(parts);
    g_assert_cmpint(parts->len, ==, 3);
    last = &g_array_index(parts, TDIReportPart, 2);
    g_assert_cmpint(last->bar, ==, 4);
    g_assert_cmphex(last->offset, ==, 0);
    g_assert_cmphex(last->size, ==, 64ULL << 30);
    g_assert_true(last->tee);
}

/* What may be private: TEE memory that is neither MSI-X table nor PBA. */
static void test_allows(void)
{
    const Range ranges[] = {
        { BASE, 4, 0, 0 },
        { BASE + 4, 4, TDISP_RANGE_UPDATABLE, 0 },
        { BASE + 8, 8, TDISP_RANGE_NON_TEE, 0 },
    };
    g_autoptr(GArray) parts = parse(ranges, 3);

    g_assert_nonnull(parts);
    g_assert_true(tdi_report_allows(parts, 0, 0, 0x4000));
    g_assert_true(tdi_report_allows(parts, 0, 0x3000, 0x2000));
    g_assert_true(tdi_report_allows(parts, 0, 0, 0x8000));
    g_assert_true(tdi_report_allows(parts, 0, 0x7000, 0x1000));
    g_assert_false(tdi_report_allows(parts, 0, 0x7000, 0x2000));
    g_assert_false(tdi_report_allows(parts, 0, 0x8000, 0x1000));
    g_assert_false(tdi_report_allows(parts, 0, 0x10000, 0x1000));
    g_assert_false(tdi_report_allows(parts, 2, 0, 0x1000));
    g_assert_false(tdi_report_allows(NULL, 0, 0, 0x1000));
}

static void test_msix_is_not_tee(void)
{
    const Range ranges[] = {
        { BASE, 14, 0, 0 },
        { BASE + 14, 1, TDISP_RANGE_MSIX_TABLE, 0 },
        { BASE + 15, 1, TDISP_RANGE_MSIX_PBA, 0 },
    };
    g_autoptr(GArray) parts = parse(ranges, 3);

    g_assert_nonnull(parts);
    g_assert_true(tdi_report_allows(parts, 0, 0, 0xe000));
    g_assert_false(tdi_report_allows(parts, 0, 0xe000, 0x1000));
    g_assert_false(tdi_report_allows(parts, 0, 0xf000, 0x1000));
}

/* Random bytes behind a plausible head: ASan watches. */
static void test_noise(void)
{
    uint8_t data[256];
    int i, j;

    for (i = 0; i < 100000; i++) {
        size_t len = g_test_rand_int_range(0, sizeof(data) + 1);
        const char *reason;
        GArray *parts;

        for (j = 0; j < len; j++) {
            data[j] = g_test_rand_int();
        }
        if (len >= sizeof(TdispReport)) {
            stl_le_p(data + offsetof(TdispReport, mmio_range_count),
                     g_test_rand_int_range(0, 17));
        }
        parts = tdi_report_parse(data, len, sizes, &reason);
        g_clear_pointer(&parts, g_array_unref);
    }
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/tdi-report/refuses/%s",
                                                refusals[i].name);

        g_test_add_data_func(path, &refusals[i], test_refusal);
    }
    g_test_add_func("/tdi-report/refuses/cut-short", test_cut_short);
    g_test_add_func("/tdi-report/refuses/count-lies", test_count_lies);
    g_test_add_func("/tdi-report/whole-bars", test_whole_bars);
    g_test_add_func("/tdi-report/allows", test_allows);
    g_test_add_func("/tdi-report/msix-is-not-tee", test_msix_is_not_tee);
    g_test_add_func("/tdi-report/noise", test_noise);
    return g_test_run();
}
