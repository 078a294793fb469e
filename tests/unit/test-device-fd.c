/*
 * Unit tests of the state of device-fd regions
 *
 * Two fake listeners and a fake "apply" write what they are told into one log,
 * so a test compares the order of all steps with a string.  Any step can be
 * made to fail.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/device-fd-state.h"

#define PAGES 16

typedef struct FakeListener {
    DeviceFdListener listener;
    char name;
} FakeListener;

typedef struct Fixture {
    DeviceFdState state;
    FakeListener a, b;
} Fixture;

static GString *step_log;
static const char *fail_step;

static uint64_t page(uint64_t n)
{
    return n * qemu_real_host_page_size();
}

/* One step: who, to private (+) or shared (-), first page, pages. */
static int step(char who, uint64_t offset, uint64_t size, bool to_private)
{
    g_autofree char *text =
        g_strdup_printf("%c%c%d,%d", who, to_private ? '+' : '-',
                        (int)(offset / page(1)), (int)(size / page(1)));

    g_string_append_printf(step_log, "%s%s", step_log->len ? " " : "", text);
    return fail_step && !strcmp(fail_step, text) ? -EIO : 0;
}

static int fake_notify(DeviceFdListener *l, uint64_t offset, uint64_t size,
                       bool to_private)
{
    return step(container_of(l, FakeListener, listener)->name, offset, size,
                to_private);
}

static int fake_apply(void *opaque, uint64_t offset, uint64_t size,
                      bool to_private)
{
    return step('k', offset, size, to_private);
}

static void fake_add(Fixture *f, FakeListener *fake, char name)
{
    fake->name = name;
    fake->listener.notify = fake_notify;
    QTAILQ_INSERT_TAIL(&f->state.listeners, &fake->listener, next);
}

static void setup(Fixture *f, gconstpointer data)
{
    step_log = g_string_new(NULL);
    fail_step = NULL;
    device_fd_state_init(&f->state, page(PAGES));
    fake_add(f, &f->a, 'a');
    fake_add(f, &f->b, 'b');
}

static void teardown(Fixture *f, gconstpointer data)
{
    QTAILQ_REMOVE(&f->state.listeners, &f->a.listener, next);
    QTAILQ_REMOVE(&f->state.listeners, &f->b.listener, next);
    device_fd_state_destroy(&f->state);
    g_assert_cmpint(f->state.nr_private, ==, 0);
    g_string_free(step_log, true);
}

static int convert(Fixture *f, int first, int nr, bool to_private)
{
    g_string_truncate(step_log, 0);
    return device_fd_state_convert(&f->state, page(first), page(nr),
                                   to_private, fake_apply, NULL);
}

static void convert_ok(Fixture *f, int first, int nr, bool to_private,
                       const char *steps)
{
    g_assert_cmpint(convert(f, first, nr, to_private), ==, 0);
    g_assert_cmpstr(step_log->str, ==, steps);
}

static void convert_fails_at(Fixture *f, const char *at, int first, int nr,
                             bool to_private, const char *steps)
{
    fail_step = at;
    g_assert_cmpint(convert(f, first, nr, to_private), ==, -EIO);
    g_assert_cmpstr(step_log->str, ==, steps);
    fail_step = NULL;
}

static int visit(void *opaque, uint64_t offset, uint64_t size)
{
    GString *text = opaque;

    g_string_append_printf(text, "%s%d,%d", text->len ? " " : "",
                           (int)(offset / page(1)), (int)(size / page(1)));
    return 0;
}

static void expect(Fixture *f, const char *private_set, const char *shared_set)
{
    g_autoptr(GString) p = g_string_new(NULL);
    g_autoptr(GString) s = g_string_new(NULL);

    device_fd_state_foreach(&f->state, 0, page(PAGES), true, visit, p);
    device_fd_state_foreach(&f->state, 0, page(PAGES), false, visit, s);
    g_assert_cmpstr(p->str, ==, private_set);
    g_assert_cmpstr(s->str, ==, shared_set);
}

static void test_refusals(Fixture *f, gconstpointer data)
{
    DeviceFdState *s = &f->state;

    g_assert_cmpint(convert(f, 0, 0, true), ==, -EINVAL);
    g_assert_cmpint(convert(f, 0, PAGES + 1, true), ==, -EINVAL);
    g_assert_cmpint(convert(f, PAGES, 1, true), ==, -EINVAL);
    g_assert_cmpint(device_fd_state_convert(s, 1, page(1), true, fake_apply,
                                            NULL), ==, -EINVAL);
    g_assert_cmpint(device_fd_state_convert(s, 0, page(1) + 1, true,
                                            fake_apply, NULL), ==, -EINVAL);
    g_assert_cmpint(device_fd_state_convert(s, -page(1), page(2), true,
                                            fake_apply, NULL), ==, -EINVAL);
    g_assert_cmpstr(step_log->str, ==, "");
    expect(f, "", "0,16");
}

static void test_order(Fixture *f, gconstpointer data)
{
    convert_ok(f, 0, 16, true, "a+0,16 b+0,16 k+0,16");
    expect(f, "0,16", "");
    convert_ok(f, 0, 16, true, "");
    convert_ok(f, 0, 16, false, "k-0,16 a-0,16 b-0,16");
    expect(f, "", "0,16");
    convert_ok(f, 0, 16, false, "");
}

static void test_split_and_merge(Fixture *f, gconstpointer data)
{
    convert_ok(f, 4, 4, true, "a+4,4 b+4,4 k+4,4");
    convert_ok(f, 8, 2, true, "a+8,2 b+8,2 k+8,2");
    g_assert_cmpint(f->state.nr_private, ==, 1);
    convert_ok(f, 2, 2, true, "a+2,2 b+2,2 k+2,2");
    expect(f, "2,8", "0,2 10,6");
    convert_ok(f, 5, 1, false, "k-5,1 a-5,1 b-5,1");
    expect(f, "2,3 6,4", "0,2 5,1 10,6");
    g_assert_cmpint(f->state.nr_private, ==, 2);
    g_assert_true(device_fd_state_any(&f->state, page(4), page(2), true));
    g_assert_false(device_fd_state_any(&f->state, page(5), page(1), true));
    convert_ok(f, 0, 16, false, "k-0,16 a-2,3 a-6,4 b-2,3 b-6,4");
    expect(f, "", "0,16");
}

/* One apply for the range; listeners hear only of what changes. */
static void test_mixed_range(Fixture *f, gconstpointer data)
{
    convert_ok(f, 4, 2, true, "a+4,2 b+4,2 k+4,2");
    convert_ok(f, 2, 8, true, "a+2,2 a+6,4 b+2,2 b+6,4 k+2,8");
    expect(f, "2,8", "0,2 10,6");
}

static void test_private_rolls_back(Fixture *f, gconstpointer data)
{
    convert_ok(f, 4, 2, true, "a+4,2 b+4,2 k+4,2");
    convert_fails_at(f, "a+2,2", 2, 8, true, "a+2,2");
    convert_fails_at(f, "b+6,4", 2, 8, true,
                     "a+2,2 a+6,4 b+2,2 b+6,4 b-2,2 a-6,4 a-2,2");
    convert_fails_at(f, "k+2,8", 2, 8, true,
                     "a+2,2 a+6,4 b+2,2 b+6,4 k+2,8 "
                     "b-6,4 b-2,2 a-6,4 a-2,2");
    expect(f, "4,2", "0,4 6,10");
}

static void test_shared_rolls_back(Fixture *f, gconstpointer data)
{
    convert_ok(f, 2, 2, true, "a+2,2 b+2,2 k+2,2");
    convert_ok(f, 6, 2, true, "a+6,2 b+6,2 k+6,2");
    convert_fails_at(f, "k-0,8", 0, 8, false, "k-0,8");
    convert_fails_at(f, "b-6,2", 0, 8, false,
                     "k-0,8 a-2,2 a-6,2 b-2,2 b-6,2 "
                     "b+2,2 a+6,2 a+2,2 k+6,2 k+2,2");
    expect(f, "2,2 6,2", "0,2 4,2 8,8");
}

static void test_fragments_are_bounded(Fixture *f, gconstpointer data)
{
    int i, nr = DEVICE_FD_MAX_PRIVATE;

    f->state.size = page(2 * nr + 4);
    for (i = 0; i < nr; i++) {
        g_assert_cmpint(convert(f, 2 * i, 1, true), ==, 0);
    }
    g_assert_cmpint(convert(f, 2 * nr + 2, 1, true), ==, -ENOSPC);
    g_assert_cmpstr(step_log->str, ==, "");
    /* What does not add a piece still works. */
    g_assert_cmpint(convert(f, 1, 1, true), ==, 0);
    g_assert_cmpint(convert(f, 2 * nr + 2, 1, true), ==, 0);
    g_assert_cmpint(convert(f, 1, 1, false), ==, -ENOSPC);
    g_assert_cmpint(convert(f, 0, 2 * nr + 4, false), ==, 0);
    g_assert_cmpint(f->state.nr_private, ==, 0);
}

#define TEST(name, fn) \
    g_test_add("/device-fd/" name, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("bad-ranges-are-refused", test_refusals);
    TEST("order-of-steps", test_order);
    TEST("split-and-merge", test_split_and_merge);
    TEST("mixed-range", test_mixed_range);
    TEST("to-private-rolls-back", test_private_rolls_back);
    TEST("to-shared-rolls-back", test_shared_rolls_back);
    TEST("fragments-are-bounded", test_fragments_are_bounded);
    return g_test_run();
}
