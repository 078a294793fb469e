/*
 * Which parts of a device-fd region are private, and who must agree
 *
 * A range of a region is either shared or private.  The private ones are kept
 * as intervals, not as a bitmap: a BAR has up to 2^24 pages and is usually
 * converted as a whole.  Intervals that touch are merged.
 *
 * In this file "last" is inclusive.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/device-fd-state.h"

typedef struct DeviceFdRange {
    uint64_t offset;
    uint64_t size;
} DeviceFdRange;

void device_fd_state_init(DeviceFdState *state, uint64_t size)
{
    *state = (DeviceFdState) { .size = size };
    QTAILQ_INIT(&state->listeners);
}

static void device_fd_drop(DeviceFdState *state, IntervalTreeNode *node)
{
    interval_tree_remove(node, &state->private_set);
    g_free(node);
    state->nr_private--;
}

static void device_fd_insert(DeviceFdState *state, uint64_t start,
                             uint64_t last)
{
    IntervalTreeNode *node = g_new0(IntervalTreeNode, 1);

    node->start = start;
    node->last = last;
    interval_tree_insert(node, &state->private_set);
    state->nr_private++;
}

void device_fd_state_destroy(DeviceFdState *state)
{
    IntervalTreeNode *node;

    assert(QTAILQ_EMPTY(&state->listeners));
    while ((node = interval_tree_iter_first(&state->private_set,
                                            0, UINT64_MAX))) {
        device_fd_drop(state, node);
    }
}

int device_fd_state_foreach(DeviceFdState *state, uint64_t offset,
                            uint64_t size, bool is_private,
                            DeviceFdVisit *visit, void *opaque)
{
    uint64_t pos = offset, end = offset + size;
    IntervalTreeNode *node;
    int ret = 0;

    if (!size) {
        return 0;
    }
    /* What is shared lies before, between and behind the private ranges. */
    for (node = interval_tree_iter_first(&state->private_set, offset, end - 1);
         node && !ret; node = interval_tree_iter_next(node, offset, end - 1)) {
        uint64_t from = MAX(node->start, offset);
        uint64_t to = MIN(node->last + 1, end);

        if (is_private) {
            ret = visit(opaque, from, to - from);
        } else if (from > pos) {
            ret = visit(opaque, pos, from - pos);
        }
        pos = to;
    }
    if (!ret && !is_private && pos < end) {
        ret = visit(opaque, pos, end - pos);
    }
    return ret;
}

static int device_fd_stop(void *opaque, uint64_t offset, uint64_t size)
{
    return 1;
}

bool device_fd_state_any(DeviceFdState *state, uint64_t offset, uint64_t size,
                         bool is_private)
{
    return device_fd_state_foreach(state, offset, size, is_private,
                                   device_fd_stop, NULL);
}

static int device_fd_collect(void *opaque, uint64_t offset, uint64_t size)
{
    DeviceFdRange range = { .offset = offset, .size = size };

    g_array_append_val((GArray *)opaque, range);
    return 0;
}

/* How many private intervals there would be with [start, last] converted. */
static unsigned int device_fd_count_after(DeviceFdState *state, uint64_t start,
                                          uint64_t last, bool to_private)
{
    uint64_t from = start, to = last;
    unsigned int nr = state->nr_private;
    IntervalTreeNode *node;

    if (to_private) {
        /* Neighbours are swallowed too. */
        from -= from > 0;
        to += to < UINT64_MAX;
        nr++;
    }
    for (node = interval_tree_iter_first(&state->private_set, from, to);
         node; node = interval_tree_iter_next(node, from, to)) {
        nr--;
        if (!to_private) {
            nr += (node->start < start) + (node->last > last);
        }
    }
    return nr;
}

static void device_fd_commit(DeviceFdState *state, uint64_t start,
                             uint64_t last, bool to_private)
{
    uint64_t from = start, to = last;
    IntervalTreeNode *node;

    if (to_private) {
        from -= from > 0;
        to += to < UINT64_MAX;
    }
    while ((node = interval_tree_iter_first(&state->private_set, from, to))) {
        uint64_t node_start = node->start, node_last = node->last;

        device_fd_drop(state, node);
        if (to_private) {
            start = MIN(start, node_start);
            last = MAX(last, node_last);
            continue;
        }
        if (node_start < start) {
            device_fd_insert(state, node_start, start - 1);
        }
        if (node_last > last) {
            device_fd_insert(state, last + 1, node_last);
        }
    }
    if (to_private) {
        device_fd_insert(state, start, last);
    }
}

static int device_fd_notify_one(DeviceFdListener *listener,
                                const GArray *ranges, int index,
                                bool to_private)
{
    DeviceFdRange *range = &g_array_index(ranges, DeviceFdRange, index);

    return listener->notify(listener, range->offset, range->size, to_private);
}

/* Undo what device_fd_notify() did before (@listener, @index), in reverse. */
static void device_fd_notify_undo(DeviceFdListener *listener, GArray *ranges,
                                  int index, bool to_private)
{
    while (listener) {
        while (index-- > 0) {
            device_fd_notify_one(listener, ranges, index, !to_private);
        }
        listener = QTAILQ_PREV(listener, next);
        index = ranges->len;
    }
}

static int device_fd_notify(DeviceFdState *state, GArray *ranges,
                            bool to_private)
{
    DeviceFdListener *listener;
    int i, ret;

    QTAILQ_FOREACH(listener, &state->listeners, next) {
        for (i = 0; i < ranges->len; i++) {
            ret = device_fd_notify_one(listener, ranges, i, to_private);
            if (ret) {
                device_fd_notify_undo(listener, ranges, i, to_private);
                return ret;
            }
        }
    }
    return 0;
}

static int device_fd_to_private(DeviceFdState *state, GArray *ranges,
                                uint64_t offset, uint64_t size,
                                DeviceFdApply *apply, void *opaque)
{
    int ret = device_fd_notify(state, ranges, true);

    if (ret) {
        return ret;
    }
    ret = apply ? apply(opaque, offset, size, true) : 0;
    if (ret) {
        device_fd_notify_undo(QTAILQ_LAST(&state->listeners), ranges,
                              ranges->len, true);
    }
    return ret;
}

static int device_fd_to_shared(DeviceFdState *state, GArray *ranges,
                               uint64_t offset, uint64_t size,
                               DeviceFdApply *apply, void *opaque)
{
    int ret = apply ? apply(opaque, offset, size, false) : 0;
    int i;

    if (ret) {
        return ret;
    }
    ret = device_fd_notify(state, ranges, false);
    if (ret && apply) {
        /* Parts that were shared before must stay so: one range at a time. */
        for (i = ranges->len - 1; i >= 0; i--) {
            DeviceFdRange *range = &g_array_index(ranges, DeviceFdRange, i);

            apply(opaque, range->offset, range->size, true);
        }
    }
    return ret;
}

int device_fd_state_convert(DeviceFdState *state, uint64_t offset,
                            uint64_t size, bool to_private,
                            DeviceFdApply *apply, void *opaque)
{
    uint64_t page_mask = qemu_real_host_page_size() - 1;
    g_autoptr(GArray) ranges = NULL;
    uint64_t last = offset + size - 1;
    int ret;

    if (!size || ((offset | size) & page_mask) || size > state->size ||
        offset > state->size - size) {
        return -EINVAL;
    }
    ranges = g_array_new(false, false, sizeof(DeviceFdRange));
    device_fd_state_foreach(state, offset, size, !to_private,
                            device_fd_collect, ranges);
    if (!ranges->len) {
        return 0;
    }
    if (device_fd_count_after(state, offset, last, to_private) >
        DEVICE_FD_MAX_PRIVATE) {
        return -ENOSPC;
    }

    if (to_private) {
        ret = device_fd_to_private(state, ranges, offset, size, apply, opaque);
    } else {
        ret = device_fd_to_shared(state, ranges, offset, size, apply, opaque);
    }
    if (ret) {
        return ret;
    }
    device_fd_commit(state, offset, last, to_private);
    state->conversions++;
    return 0;
}
