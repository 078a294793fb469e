/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the driver tdi_dma and the guest program tdi-dma share.
 */
#ifndef TDI_DMA_H
#define TDI_DMA_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* One for each device that the driver has: /dev/tdi-dma-BDF */
#define TDI_DMA_DEVICE "/dev/tdi-dma-"

#define TDI_DMA_COHERENT 1

/**
 * struct tdi_dma_copy - to the device and back, with a comparison
 * @bytes: whole pages, at most what the device's memory takes
 * @flags: TDI_DMA_COHERENT: of coherent memory, else the buffers are mapped
 * @seed: of what is copied
 * @mappings: out, pieces that it took
 * @elsewhere: out, pieces whose bus address is not that of the memory: bounced
 * @status: out, TDI_TESTDEV_DMA_*: OK, or that of the first piece that failed
 * @gpa: out, guest physical address of the first piece
 * @reserved: nothing
 * @bus: out, where it is on the bus
 * @to_ns: out, for the way to the device: mapping, DMA, unmapping
 * @from_ns: out, for the way back
 *
 * The call fails with EILSEQ if other bytes come back.
 */
struct tdi_dma_copy {
	__u64 bytes;
	__u32 flags;
	__u32 seed;
	__u32 mappings;
	__u32 elsewhere;
	__u32 status;
	__u32 reserved;
	__u64 gpa;
	__u64 bus;
	__u64 to_ns;
	__u64 from_ns;
};

#define TDI_DMA_COPY _IOWR('T', 0x20, struct tdi_dma_copy)

#endif
