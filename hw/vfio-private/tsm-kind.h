/*
 * Kinds of TSMs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TSM_KIND_H
#define HW_VFIO_PRIVATE_TSM_KIND_H

#include "qapi/qapi-types-tdi.h"

/**
 * tsm_kind: what kind of TSM is this?
 * @root: folder that holds /sys; "" but for tests
 * @name: name of the TSM in /sys/class/tsm
 *
 * Returns: the kind, TSM_KIND_UNKNOWN if sysfs does not tell.
 */
TSMKind tsm_kind(const char *root, const char *name);

#endif /* HW_VFIO_PRIVATE_TSM_KIND_H */
