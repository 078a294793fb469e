/*
 * Config space bits that must not change while a device is bound as a TDI
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_PRIVATE_FREEZE_H
#define HW_VFIO_PRIVATE_FREEZE_H

/**
 * vfio_private_freeze_init: find the bits
 * @config: config space of the device as the guest sees it
 * @size: bytes of it
 * @mask: out, zeroed, @size bytes: one bits must keep their value
 */
void vfio_private_freeze_init(const uint8_t *config, uint32_t size,
                              uint8_t *mask);

/**
 * vfio_private_freeze: take the forbidden part out of a write
 * @mask: from vfio_private_freeze_init()
 * @addr: config space offset; the write is inside what @mask covers
 * @now: what is there now
 * @val: what is to be written
 * @len: bytes, at most 4
 *
 * Returns: @val with the bits that are frozen as in @now.
 */
uint32_t vfio_private_freeze(const uint8_t *mask, uint32_t addr, uint32_t now,
                             uint32_t val, int len);

/**
 * vfio_private_freeze_blind: is it unknown what the frozen bits are?
 * @mask, @addr, @now, @len: as above
 *
 * A device that cannot be read reads as all ones.  Writing these back would
 * start what the bits are frozen against: a reset, a low power state.
 *
 * Returns: true if so; the write has to be dropped.
 */
bool vfio_private_freeze_blind(const uint8_t *mask, uint32_t addr,
                               uint32_t now, int len);

typedef void VFIOPrivateWriteFn(PCIDevice *pdev, uint32_t addr, uint32_t val,
                                int len);

/**
 * vfio_private_freeze_write: make the part of a write that is allowed
 * @mask, @addr, @len: as above
 * @val: what vfio_private_freeze() has returned
 * @write: called for each piece; not at all if nothing is left of the write
 * @pdev: for @write
 */
void vfio_private_freeze_write(const uint8_t *mask, uint32_t addr,
                               uint32_t val, int len,
                               VFIOPrivateWriteFn *write, PCIDevice *pdev);

#endif /* HW_VFIO_PRIVATE_FREEZE_H */
