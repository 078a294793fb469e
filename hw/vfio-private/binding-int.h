/*
 * The binding of one assigned device as a TDI: what its files share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_BINDING_INT_H
#define HW_VFIO_PRIVATE_BINDING_INT_H

#include "binding.h"

/* tdi_binding_event: @event, which must be allowed, has become a fact */
void tdi_binding_event(TDIBinding *binding, TDIEvent event, TDIReason reason);

/* tdi_binding_note: the TSM has returned @ret; remember it if it is an error */
void tdi_binding_note(TDIBinding *binding, TDIOperation operation, int ret,
                      uint64_t code);

/**
 * tdi_binding_release: turn everything shared of a TDI that is unbound
 *
 * Returns: 0; -errno if some of it stays private, which has been reported.
 */
int tdi_binding_release(TDIBinding *binding, TDIEvent event,
                        TDIReason reason);

#endif /* HW_VFIO_PRIVATE_BINDING_INT_H */
