/*
 * Registers of tdi-testdev, for the device, its tests and guest programs
 *
 * docs/specs/tdi-testdev.rst explains them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_TDISP_TDI_TESTDEV_H
#define HW_TDISP_TDI_TESTDEV_H

#define TDI_TESTDEV_VENDOR_ID       0x1234
#define TDI_TESTDEV_DEVICE_ID       0x7d15
#define TDI_TESTDEV_VF_DEVICE_ID    0x7d16
#define TDI_TESTDEV_MAX_VFS         7
#define TDI_TESTDEV_NR_VECTORS      4

/* BAR 0, 64 bits: four parts of 64 KiB */
#define TDI_TESTDEV_REG_BAR         0
#define TDI_TESTDEV_REG_BAR_SIZE    0x40000
#define TDI_TESTDEV_PART_SIZE       0x10000
#define TDI_TESTDEV_OPEN_PART       0x10000
#define TDI_TESTDEV_MSIX_TABLE      0x20000
#define TDI_TESTDEV_MSIX_PBA        0x30000

/* BAR 2, 64 bits, prefetchable: memory */
#define TDI_TESTDEV_MEM_BAR         2

/* Registers, 32 bits each, at the start of BAR 0 */
#define TDI_TESTDEV_ID              0x00    /* RO */
#define  TDI_TESTDEV_ID_VALUE       0x54494454 /* "TDIT" */
#define TDI_TESTDEV_VERSION         0x04    /* RO */
#define  TDI_TESTDEV_VERSION_VALUE  1
#define TDI_TESTDEV_SCRATCH         0x08    /* RW */
#define TDI_TESTDEV_FUNCTION        0x0c    /* RO: 0 PF, n + 1 VF n */
#define TDI_TESTDEV_MEM_SIZE_LO     0x10    /* RO: bytes in BAR 2 */
#define TDI_TESTDEV_MEM_SIZE_HI     0x14
#define TDI_TESTDEV_DMA_IOVA_LO     0x20    /* RW: bus address */
#define TDI_TESTDEV_DMA_IOVA_HI     0x24
#define TDI_TESTDEV_DMA_OFFSET_LO   0x28    /* RW: offset in BAR 2 */
#define TDI_TESTDEV_DMA_OFFSET_HI   0x2c
#define TDI_TESTDEV_DMA_LENGTH      0x30    /* RW: bytes */
#define TDI_TESTDEV_DMA_PATTERN     0x34    /* RW: for FILL */
#define TDI_TESTDEV_DMA_COMMAND     0x38    /* WO: starts */
#define  TDI_TESTDEV_DMA_READ       1       /* bus -> BAR 2 */
#define  TDI_TESTDEV_DMA_WRITE      2       /* BAR 2 -> bus */
#define  TDI_TESTDEV_DMA_FILL       3       /* pattern -> bus */
#define  TDI_TESTDEV_DMA_COMPARE    4       /* bus against BAR 2 */
#define  TDI_TESTDEV_DMA_OP_MASK    0xff
#define  TDI_TESTDEV_DMA_IRQ        0x100   /* interrupt at the end */
#define TDI_TESTDEV_DMA_STATUS      0x3c    /* RO */
#define  TDI_TESTDEV_DMA_IDLE       0
#define  TDI_TESTDEV_DMA_BUSY       1
#define  TDI_TESTDEV_DMA_OK         2
#define  TDI_TESTDEV_DMA_BUS_ERROR  3
#define  TDI_TESTDEV_DMA_BAD_ARGS   4
#define  TDI_TESTDEV_DMA_MISMATCH   5
#define  TDI_TESTDEV_DMA_ABORTED    6
#define TDI_TESTDEV_DMA_COUNT       0x40    /* RO: bytes done */
#define TDI_TESTDEV_IRQ_VECTOR      0x44    /* RW: for the DMA engine */
#define TDI_TESTDEV_IRQ_STATUS      0x48    /* RW1C */
#define  TDI_TESTDEV_IRQ_DMA        1
#define TDI_TESTDEV_IRQ_TRIGGER     0x4c    /* WO: a vector */

/* The open part, 32 bits each, read-only, reachable in every TDI state */
#define TDI_TESTDEV_OPEN_ID         0x00
#define TDI_TESTDEV_OPEN_STATE      0x04    /* TDISP state, ~0: no TDI */
#define TDI_TESTDEV_OPEN_REJECT_T0  0x08    /* rejected MMIO with T=0 */
#define TDI_TESTDEV_OPEN_REJECT_T1  0x0c    /* rejected MMIO with T=1 */
#define TDI_TESTDEV_OPEN_REJECT_DMA 0x10    /* rejected DMA */
#define TDI_TESTDEV_OPEN_ERRORS     0x14    /* moves to ERROR */
#define TDI_TESTDEV_OPEN_DMA_FAULTS 0x18    /* not 0: the IOMMU refused DMA */
#define TDI_TESTDEV_OPEN_FAULT_LO   0x1c    /* page of the last one */
#define TDI_TESTDEV_OPEN_FAULT_HI   0x20

#endif /* HW_TDISP_TDI_TESTDEV_H */
