/*
 * TDISP hooks of a QEMU without CONFIG_TDISP
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hooks.h"

void tdisp_class_init(ObjectClass *oc)
{
}

bool tdisp_init(PCIDevice *dev, const TdispParams *params,
                const TdispDesc *desc, uint16_t doe_offset, Error **errp)
{
    if (params->enabled || params->clear) {
        error_setg(errp, "%s: this QEMU has no TDISP support", dev->name);
        return false;
    }
    return true;
}

void tdisp_reset(PCIDevice *dev)
{
}

void tdisp_exit(PCIDevice *dev)
{
}
