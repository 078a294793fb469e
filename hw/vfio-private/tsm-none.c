/*
 * What a TSM does for a device that the kernel cannot bind: nothing
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "tsm.h"

static bool tsm_none_connected(TSMContext *ctx)
{
    return false;
}

static int tsm_none_bind(TSMContext *ctx, uint32_t rid)
{
    return -ENXIO;
}

static char *tsm_none_describe(TSMContext *ctx, TSMKind *kind)
{
    return NULL;
}

/* It is never bound, so there is nothing else to be called. */
const TSMOps tsm_none_ops = {
    .connected = tsm_none_connected,
    .describe = tsm_none_describe,
    .bind = tsm_none_bind,
};
