/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What the guest's test module and the lab's guest programs share.
 */
#ifndef TDI_LAB_H
#define TDI_LAB_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TDI_LAB_DEVICE "/dev/tdi-lab"

/* Bits of @attributes, as KVM's MAP_GPA_RANGE hypercall defines them. */
#define TDI_LAB_SHARED  0x00
#define TDI_LAB_PRIVATE 0x10

/**
 * struct tdi_lab_map_gpa - one MAP_GPA_RANGE hypercall
 * @gpa: first guest physical address; the module does not check it
 * @pages: number of 4 KiB pages; the module does not check it
 * @attributes: TDI_LAB_SHARED or TDI_LAB_PRIVATE, or any other bits
 * @result: out, what the hypervisor returned: 0 or a negative KVM error
 */
struct tdi_lab_map_gpa {
	__u64 gpa;
	__u64 pages;
	__u64 attributes;
	__s64 result;
};

/**
 * struct tdi_lab_hypercall - any hypercall
 * @nr, @args: passed on as they are
 * @result: out, what the hypervisor returned
 */
struct tdi_lab_hypercall {
	__u64 nr;
	__u64 args[4];
	__s64 result;
};

/* Bytes of the buffer that mmap of the device gives, two more than a request
 * may have; its guest physical address comes by TDI_LAB_BUFFER.
 */
#define TDI_LAB_BUFFER_SIZE (18 * 4096)

#define TDI_LAB_HYPERCALL _IOWR('T', 0x02, struct tdi_lab_hypercall)
#define TDI_LAB_BUFFER _IOR('T', 0x03, __u64)
/* An interrupt that waits for CR8; the ioctl returns 0, or which of these went
 * wrong.
 */
#define TDI_LAB_CR8_LOST_CLI 1    /* CR8 written with interrupts off */
#define TDI_LAB_CR8_EARLY 2       /* it came although CR8 masks it */
#define TDI_LAB_CR8_LOST 3        /* it did not come when CR8 let it */
#define TDI_LAB_CR8 _IO('T', 0x04)
#define TDI_LAB_MAP_GPA _IOWR('T', 0x01, struct tdi_lab_map_gpa)
/* The page at this guest physical address is to be in reach of devices: it turns
 * shared if the kernel keeps RAM private. What it holds may be lost.
 */
#define TDI_LAB_SHARE _IOW('T', 0x05, __u64)

#endif
