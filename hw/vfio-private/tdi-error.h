/*
 * What went wrong with a TDI, for people and programs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_TDI_ERROR_H
#define HW_VFIO_PRIVATE_TDI_ERROR_H

#include "qapi/qapi-types-tdi.h"

/**
 * tdi_error_new: describe a failure
 * @operation: what failed
 * @ret: -errno, as the functions of binding.h return it
 * @code: code of a TDISP error, or 0
 *
 * Returns: the description, to be freed with qapi_free_TDIError().
 */
TDIError *tdi_error_new(TDIOperation operation, int ret, uint64_t code);

#endif /* HW_VFIO_PRIVATE_TDI_ERROR_H */
