/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * Kernel interfaces of private device assignment that no released kernel has.
 *
 * The truth is patches-kernel/ in this repository.  Every definition here is
 * guarded, so the values of a header that already has them win; the build of
 * the lab compares the two.
 */
#ifndef LINUX_VFIO_PRIVATE_H
#define LINUX_VFIO_PRIVATE_H

#include <linux/kvm.h>
#include <linux/types.h>
#include <linux/vfio.h>

/*
 * struct vfio_device_bind_iommufd.flags: for the life of the binding the
 * kernel refuses mmap of every region and read/write of the memory BARs.
 * -EINVAL: the kernel does not know the flag.  -EOPNOTSUPP: the driver of the
 * device cannot do it.
 */
#ifndef VFIO_DEVICE_BIND_FLAG_PRIVATE
#define VFIO_DEVICE_BIND_FLAG_PRIVATE (1 << 1)
#endif

/* struct vfio_region_info.flags: the only flag of such a BAR. */
#ifndef VFIO_REGION_INFO_FLAG_PRIVATE
#define VFIO_REGION_INFO_FLAG_PRIVATE (1 << 4)
#endif

/*
 * VFIO_DEVICE_FEATURE_DMA_BUF, GET only: export page-aligned ranges of a BAR.
 * The ioctl returns the dma-buf fd.
 *
 * @region_index: VFIO_PCI_BAR0_REGION_INDEX ... BAR5
 * @open_flags: O_RDWR and friends, for the new fd
 * @flags: must be 0
 * @nr_ranges: number of entries in @dma_ranges
 * @dma_ranges: byte offset and byte length inside the region
 */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

struct vfio_region_dma_range {
    __u64 offset;
    __u64 length;
};

struct vfio_device_feature_dma_buf {
    __u32 region_index;
    __u32 open_flags;
    __u32 flags;
    __u32 nr_ranges;
    struct vfio_region_dma_range dma_ranges[];
};
#endif

/*
 * struct kvm_userspace_memory_region2.flags: guest_memfd is the fd of a VFIO
 * dma-buf with one range, guest_memfd_offset a page-aligned byte offset into
 * it; userspace_addr is 0.  Excludes every other flag.
 * -EINVAL: alignment, size, flags, or not a VFIO dma-buf.  -ENODEV: the
 * dma-buf is revoked (memory decode of the device is off).
 */
#ifndef KVM_MEM_VFIO_DMABUF
#define KVM_MEM_VFIO_DMABUF (1UL << 3)
#endif

/* KVM_CHECK_EXTENSION returns the supported memslot flags of this family. */
#ifndef KVM_CAP_VFIO_DMABUF
#define KVM_CAP_VFIO_DMABUF 250
#endif

/* Of a VM, KVM_CAP_VFIO_DMABUF also: such memslots serve private accesses. */
#ifndef KVM_VFIO_DMABUF_PRIVATE
#define KVM_VFIO_DMABUF_PRIVATE (1UL << 16)
#endif

/*
 * struct kvm_run.memory_fault.flags, of a private access to such a memslot.
 * REVOKED: the dma-buf is; the access succeeds once it is back.  NO_PRIVATE: it
 * cannot be private in this VM, or (TDX) no TDI of the device is bound to it.
 * To convert is no answer to either.
 */
#ifndef KVM_MEMORY_EXIT_FLAG_REVOKED
#define KVM_MEMORY_EXIT_FLAG_REVOKED (1ULL << 32)
#define KVM_MEMORY_EXIT_FLAG_NO_PRIVATE (1ULL << 33)
#endif

#endif /* LINUX_VFIO_PRIVATE_H */
