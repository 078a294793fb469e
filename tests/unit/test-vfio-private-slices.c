/*
 * Unit tests of BAR slicing around MSI-X
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio-private/slices.h"

#define PAGE 0x1000
#define NONE { 0, 0 }

typedef struct SliceCase {
    const char *name;
    uint64_t bar_size;
    VFIOPrivateRange cuts[2];
    int nr;
    VFIOPrivateRange slices[VFIO_PRIVATE_MAX_SLICES];
} SliceCase;

static const SliceCase cases[] = {
    { "no-msix", 0x10000, { NONE, NONE }, 1, { { 0, 0x10000 } } },
    { "table-at-start", 0x4000, { { 0, 0x410 }, NONE },
      1, { { 0x1000, 0x3000 } } },
    { "table-at-end", 0x4000, { { 0x3000, 0x1000 }, NONE },
      1, { { 0, 0x3000 } } },
    { "table-in-middle", 0x4000, { { 0x2000, 0x10 }, NONE },
      2, { { 0, 0x2000 }, { 0x3000, 0x1000 } } },
    { "table-and-pba", 0x8000, { { 0x2000, 0x800 }, { 0x5000, 8 } },
      3, { { 0, 0x2000 }, { 0x3000, 0x2000 }, { 0x6000, 0x2000 } } },
    { "pba-before-table", 0x8000, { { 0x5000, 0x800 }, { 0x2000, 8 } },
      3, { { 0, 0x2000 }, { 0x3000, 0x2000 }, { 0x6000, 0x2000 } } },
    { "table-and-pba-touch", 0x8000, { { 0x2000, 0x1000 }, { 0x3000, 8 } },
      2, { { 0, 0x2000 }, { 0x4000, 0x4000 } } },
    { "table-and-pba-share-a-page", 0x4000, { { 0x1000, 0x80 }, { 0x1800, 8 } },
      2, { { 0, 0x1000 }, { 0x2000, 0x2000 } } },
    { "table-spans-pages", 0x8000, { { 0x1ff0, 0x1020 }, NONE },
      2, { { 0, 0x1000 }, { 0x4000, 0x4000 } } },
    { "pba-inside-table-pages", 0x8000, { { 0x1000, 0x3000 }, { 0x2000, 8 } },
      2, { { 0, 0x1000 }, { 0x4000, 0x4000 } } },
    { "whole-bar-is-msix", 0x1000, { { 0, 0x800 }, { 0x800, 8 } }, 0, { } },
    { "two-pages-all-msix", 0x2000, { { 0, 0x10 }, { 0x1000, 8 } }, 0, { } },
    { "table-beyond-bar", 0x4000, { { 0x4000, 0x10 }, NONE },
      1, { { 0, 0x4000 } } },
    { "table-overhangs-bar", 0x4000, { { 0x3ff0, 0x8000 }, NONE },
      1, { { 0, 0x3000 } } },
    { "cut-size-wraps", 0x4000, { { 0x1000, UINT64_MAX }, NONE },
      1, { { 0, 0x1000 } } },
    { "huge-bar", 64ULL << 30, { { 1ULL << 30, 0x8000 }, NONE },
      2, { { 0, 1ULL << 30 },
           { (1ULL << 30) + 0x8000, (63ULL << 30) - 0x8000 } } },
};

static void test_slices(gconstpointer data)
{
    const SliceCase *c = data;
    VFIOPrivateRange slices[VFIO_PRIVATE_MAX_SLICES];
    int i;

    g_assert_cmpint(vfio_private_slice_bar(c->bar_size, PAGE, c->cuts,
                                           ARRAY_SIZE(c->cuts), slices),
                    ==, c->nr);
    for (i = 0; i < c->nr; i++) {
        g_assert_cmphex(slices[i].offset, ==, c->slices[i].offset);
        g_assert_cmphex(slices[i].size, ==, c->slices[i].size);
    }
}

/* A page of the host may be larger than the device expected. */
static void test_large_pages(void)
{
    const VFIOPrivateRange cuts[] = { { 0x2000, 0x10 }, { 0x3000, 8 } };
    VFIOPrivateRange slices[VFIO_PRIVATE_MAX_SLICES];

    g_assert_cmpint(vfio_private_slice_bar(0x20000, 0x10000, cuts, 2, slices),
                    ==, 1);
    g_assert_cmphex(slices[0].offset, ==, 0x10000);
    g_assert_cmphex(slices[0].size, ==, 0x10000);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/vfio-private/slices/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_slices);
    }
    g_test_add_func("/vfio-private/slices/large-pages", test_large_pages);
    return g_test_run();
}
