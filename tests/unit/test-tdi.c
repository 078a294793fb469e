/*
 * Unit tests of the TDI state machine: every state, event and reason
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio-private/tdi.h"

#define REASON(name) (1u << TDI_REASON_##name)

/*
 * One letter a state: U(nlocked), L(ocked), R(un), E(rror), ? unknown,
 * H(idden); "-": refused.  Columns are the states in which the event happens,
 * ULRE?H.
 */
typedef struct EventCase {
    const char *name;
    TDIEvent event;
    unsigned int reasons;
    const char *next;
} EventCase;

static const EventCase cases[] = {
    { "bind", TDI_EVENT_BIND, REASON(GUEST) | REASON(MONITOR), "L-----" },
    { "start", TDI_EVENT_START, REASON(GUEST), "-R----" },
    { "unbind", TDI_EVENT_UNBIND,
      REASON(GUEST) | REASON(MONITOR) | REASON(RESET) | REASON(UNPLUG) |
      REASON(EXIT), "UUUUUU" },
    { "hide", TDI_EVENT_HIDE, (1u << TDI_REASON__MAX) - 1, "HHHHHH" },
    { "error", TDI_EVENT_ERROR,
      REASON(GUEST) | REASON(MONITOR) | REASON(DEVICE_ERROR), "-EEE?-" },
    { "lost", TDI_EVENT_LOST,
      REASON(GUEST) | REASON(MONITOR) | REASON(RESET) | REASON(UNPLUG) |
      REASON(EXIT) | REASON(DEVICE_ERROR) | REASON(HOST) | REASON(MEMORY),
      "??????" },
};

static const char letters[] = "ULRE?H";

static void test_every_event(gconstpointer data)
{
    const EventCase *c = data;
    int state, reason;

    for (state = 0; state < TDI_STATE__MAX; state++) {
        for (reason = 0; reason < TDI_REASON__MAX; reason++) {
            int next = tdi_next(state, c->event, reason);
            bool allowed = c->reasons & (1u << reason) &&
                           c->next[state] != '-';

            if (allowed) {
                g_assert_cmpint(next, !=, TDI_REFUSED);
                g_assert_cmpint(letters[next], ==, c->next[state]);
            } else {
                g_assert_cmpint(next, ==, TDI_REFUSED);
            }
        }
    }
}

/* Whatever happens, in whatever order: only the guest's START leads to RUN. */
static void test_only_guest_starts(void)
{
    int state, event, reason;

    for (state = 0; state < TDI_STATE__MAX; state++) {
        for (event = 0; event < TDI_EVENT__MAX; event++) {
            for (reason = 0; reason < TDI_REASON__MAX; reason++) {
                if (tdi_next(state, event, reason) == TDI_STATE_RUN) {
                    g_assert_cmpint(event, ==, TDI_EVENT_START);
                    g_assert_cmpint(reason, ==, TDI_REASON_GUEST);
                    g_assert_cmpint(state, ==, TDI_STATE_CONFIG_LOCKED);
                }
            }
        }
    }
}

/* Rows: what is believed.  Columns: what the device reports, and nonsense. */
static void test_observe(void)
{
    static const char *const expected[TDI_STATE__MAX] = {
        [TDI_STATE_CONFIG_UNLOCKED] = "UUUUU",
        [TDI_STATE_CONFIG_LOCKED] = "ELEEE",
        [TDI_STATE_RUN] = "EEREE",
        [TDI_STATE_ERROR] = "EEEEE",
        [TDI_STATE_UNKNOWN] = "???E?",
        [TDI_STATE_HIDDEN] = "HHHHH",
    };
    static const uint32_t reported[] = { 0, 1, 2, 3, 0x80000001 };
    int state, i;

    for (state = 0; state < TDI_STATE__MAX; state++) {
        for (i = 0; i < ARRAY_SIZE(reported); i++) {
            g_assert_cmpint(letters[tdi_observe(state, reported[i])], ==,
                            expected[state][i]);
        }
    }
}

/* What the TSM holds, and what the guest must not reach */
static void test_properties(void)
{
    static const char bound[] = "LRE?", hidden[] = "?H";
    int state;

    for (state = 0; state < TDI_STATE__MAX; state++) {
        g_assert_cmpint(tdi_state_bound(state), ==,
                        strchr(bound, letters[state]) != NULL);
        g_assert_cmpint(tdi_state_hidden(state), ==,
                        strchr(hidden, letters[state]) != NULL);
    }
}

static void test_names(void)
{
    int i, j;

    for (i = 0; i < TDI_STATE__MAX; i++) {
        for (j = 0; j < i; j++) {
            g_assert_cmpstr(TDIState_str(i), !=, TDIState_str(j));
        }
    }
    for (i = 0; i < TDI_REASON__MAX; i++) {
        g_assert_nonnull(TDIReason_str(i));
    }
}

#include "tdi-kinds.h"

int main(int argc, char **argv)
{
    int i;

    QEMU_BUILD_BUG_ON(ARRAY_SIZE(cases) != TDI_EVENT__MAX);

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/tdi/event/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_every_event);
    }
    g_test_add_func("/tdi/only-guest-starts", test_only_guest_starts);
    g_test_add_func("/tdi/observe", test_observe);
    g_test_add_func("/tdi/properties", test_properties);
    g_test_add_func("/tdi/names", test_names);
    g_test_add_func("/tdi/guest-kinds", test_guest_kinds);
    g_test_add_func("/tdi/tsm-kinds", test_tsm_kinds);
    g_test_add_func("/tdi/not-built", test_not_built);
    return g_test_run();
}
