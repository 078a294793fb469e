/*
 * Making an emulated PCIe device a TEE device interface
 *
 * The only header of this folder that a device outside of it includes.  A
 * device adds TdispParams to its state and its two members to its properties,
 * and calls tdisp_class_init(), tdisp_init() at the end of realize,
 * tdisp_reset() in its reset handler and tdisp_exit() first in its exit
 * handler.
 *
 * All functions need the BQL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_TDISP_HOOKS_H
#define HW_TDISP_HOOKS_H

#include "hw/pci/pci_device.h"

/* Properties of the device; both are off by default. */
typedef struct TdispParams {
    bool enabled;   /* "tdisp": be a TDI */
    bool clear;     /* "x-tdisp-clear": answer without a secured session */
} TdispParams;

/* Part of a BAR that stays reachable for everybody, in whole pages. */
typedef struct TdispNonTee {
    uint8_t bar;
    uint64_t offset;
    uint64_t size;
} TdispNonTee;

/*
 * What a device says about itself; must live as long as the device.
 *
 * @abort: end all work and DMA before it returns.  Called at LOCK, on a move
 *         to ERROR and before @scrub, in any state of the device.
 * @scrub: wipe everything that work in RUN may have left behind, and be as
 *         after a reset.  NULL if @abort does that.
 * @non_tee, @nr_non_tee: parts of BARs that no TDI state closes.
 * @info: bytes for DEVICE_SPECIFIC_INFO of the interface report, may be NULL.
 */
typedef struct TdispDesc {
    void (*abort)(PCIDevice *dev);
    void (*scrub)(PCIDevice *dev);
    const TdispNonTee *non_tee;
    unsigned int nr_non_tee;
    const char *info;
} TdispDesc;

/* Describes the two properties; call in class_init, once they are there. */
void tdisp_class_init(ObjectClass *oc);

/*
 * tdisp_init: make @dev a TDI if its user asked for it
 *
 * @dev: a PCIe endpoint in realize, all BARs and MSI-X registered, SR-IOV not
 *       yet; or one of its VFs
 * @params: as set by the user; for a VF, those of its PF
 * @doe_offset: free place of PCI_DOE_SIZEOF bytes in extended config space
 *
 * Returns: false with @errp set if the device cannot be a TDI.  True without
 * doing anything if @params do not ask for it.
 */
bool tdisp_init(PCIDevice *dev, const TdispParams *params,
                const TdispDesc *desc, uint16_t doe_offset, Error **errp);

/*
 * Conventional reset: scrubs and unlocks.  A reset that a config write started
 * (FLR, VF enable) has already moved the TDI to ERROR and leaves it there.
 */
void tdisp_reset(PCIDevice *dev);

/* Undoes tdisp_init().  Idempotent, also without an earlier tdisp_init(). */
void tdisp_exit(PCIDevice *dev);

#endif /* HW_TDISP_HOOKS_H */
