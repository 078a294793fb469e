/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VMM by bare system calls: a software-protected VM of a few private pages, and
 * two tdi-testdevs of it on vfio-pci, the first of them a TDI. It does what it is
 * told and nothing else: no call here unmaps, detaches or frees on behalf of another.
 *
 * The guest is two instructions, for an access of 32 bits each: what the TDI takes
 * for an access of its guest has to come from a vCPU.
 *
 *   0x00001000  the guest's instructions
 *   0x40000000  NR_PAGES pages of guest_memfd, with shared memory of the same size
 *   0xc0000000  the registers of the TDI
 *
 * Functions with "try" in their name return 0 or an errno, the others end the
 * program.
 */
#ifndef LAB_RAW_VMM_H
#define LAB_RAW_VMM_H

#include <dirent.h>
#include <linux/falloc.h>
#include <linux/iommufd.h>
#include <linux/kvm.h>
#include <linux/vfio.h>
#include <stdbool.h>

#include "lab.h"
#include "tdi-testdev.h"

#define PAGE 4096ULL
#define NR_PAGES 16
#define RAM_SIZE (NR_PAGES * PAGE)
#define RAM_GPA 0x40000000ULL
#define CODE_GPA 0x1000ULL
#define BAR_GPA 0xc0000000ULL
#define BAR_SIZE (TDI_TESTDEV_OPEN_PART + TDI_TESTDEV_PART_SIZE)
#define TDI_RUN 2
#define WAIT_NS 20000000000ULL

enum { SLOT_RAM, SLOT_CODE, SLOT_BAR, SLOT_OTHER };

typedef struct Vm {
    int fd, gmem, vcpu;
    int vfio;                   /* KVM's record of the devices */
    struct kvm_run *run;
    uint8_t *shared;
} Vm;

typedef struct Dev {
    const char *name;           /* as the case calls it */
    const char *bdf;
    int fd;
    uint32_t rid;               /* in the VM */
    uint32_t id, hwpt, viommu, vdevice, private_hwpt;
    volatile uint32_t *bar;
} Dev;

static int iommufd;

static inline int try_ioctl(int fd, unsigned long request, void *arg)
{
    return ioctl(fd, request, arg) < 0 ? errno : 0;
}

static inline int must(int fd, unsigned long request, void *arg,
                       const char *what)
{
    int ret = ioctl(fd, request, arg);

    if (ret < 0) {
        die("%s: %s", what, strerror(errno));
    }
    return ret;
}

/*
 * The VM
 */

static inline int try_slot(Vm *vm, int slot, uint64_t gpa, uint64_t size,
                           void *memory, int gmem)
{
    struct kvm_userspace_memory_region2 region = {
        .slot = slot,
        .flags = gmem < 0 ? 0 : KVM_MEM_GUEST_MEMFD,
        .guest_phys_addr = gpa,
        .memory_size = size,
        .userspace_addr = (uintptr_t)memory,
        .guest_memfd = gmem < 0 ? 0 : gmem,
    };

    return try_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

static inline int try_ram_slot(Vm *vm, uint64_t gpa, uint64_t size)
{
    return try_slot(vm, SLOT_RAM, gpa, size, vm->shared, vm->gmem);
}

static inline int try_convert_at(Vm *vm, uint64_t gpa, uint64_t size,
                                 bool to_private)
{
    struct kvm_memory_attributes attributes = {
        .address = gpa,
        .size = size,
        .attributes = to_private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
    };

    return try_ioctl(vm->fd, KVM_SET_MEMORY_ATTRIBUTES, &attributes);
}

static inline int try_convert(Vm *vm, int page, int nr, bool to_private)
{
    return try_convert_at(vm, RAM_GPA + page * PAGE, nr * PAGE, to_private);
}

static inline int try_punch(Vm *vm, int page, int nr)
{
    return fallocate(vm->gmem, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
                     page * PAGE, nr * PAGE) ? errno : 0;
}

static inline void *memory(uint64_t size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    if (map == MAP_FAILED) {
        die("no memory: %s", strerror(errno));
    }
    return map;
}

/* Memory and no vCPU */
static inline void vm_create(Vm *vm)
{
    struct kvm_create_guest_memfd gmem = { .size = RAM_SIZE };
    int kvm = open("/dev/kvm", O_RDWR);

    *vm = (Vm) { .vcpu = -1, .vfio = -1 };
    vm->fd = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
    if (kvm < 0 || vm->fd < 0) {
        die("no software-protected VM: %s", strerror(errno));
    }
    close(kvm);
    vm->shared = memory(RAM_SIZE);
    vm->gmem = must(vm->fd, KVM_CREATE_GUEST_MEMFD, &gmem, "no guest_memfd");
    if (try_ram_slot(vm, RAM_GPA, RAM_SIZE)) {
        die("no memslot: %s", strerror(errno));
    }
}

/* In protected mode with flat segments of 32 bits, without paging */
static inline void vm_add_vcpu(Vm *vm)
{
    static const uint8_t code[] = {
        0x89, 0x07, 0xf4, 0,    /* mov %eax,(%edi); hlt */
        0x8b, 0x07, 0xf4,       /* mov (%edi),%eax; hlt */
    };
    struct kvm_segment flat = {
        .limit = UINT32_MAX, .selector = 8, .type = 3, .present = 1, .db = 1,
        .s = 1, .g = 1,
    };
    uint8_t *page = memory(PAGE);
    struct kvm_sregs sregs;

    memcpy(page, code, sizeof(code));
    if (try_slot(vm, SLOT_CODE, CODE_GPA, PAGE, page, -1)) {
        die("no memslot: %s", strerror(errno));
    }
    vm->vcpu = must(vm->fd, KVM_CREATE_VCPU, NULL, "no vCPU");
    vm->run = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
    if (vm->run == MAP_FAILED) {
        die("cannot map the vCPU: %s", strerror(errno));
    }
    must(vm->vcpu, KVM_GET_SREGS, &sregs, "no registers");
    sregs.cr0 |= 1;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
    flat.type = 11;
    sregs.cs = flat;
    must(vm->vcpu, KVM_SET_SREGS, &sregs, "no registers");
}

static inline uint32_t guest_access(Vm *vm, uint64_t gpa, bool write,
                                    uint32_t value)
{
    struct kvm_regs regs = {
        .rip = write ? CODE_GPA : CODE_GPA + 4,
        .rax = value,
        .rdi = gpa,
        .rflags = 2,
    };

    must(vm->vcpu, KVM_SET_REGS, &regs, "no registers");
    must(vm->vcpu, KVM_RUN, NULL, "the vCPU does not run");
    if (vm->run->exit_reason != KVM_EXIT_HLT) {
        die("the guest's access to 0x%llx ends with exit %u",
            (unsigned long long)gpa, vm->run->exit_reason);
    }
    must(vm->vcpu, KVM_GET_REGS, &regs, "no registers");
    return regs.rax;
}

/*
 * iommufd
 */

static inline void iommufd_open(void)
{
    iommufd = open("/dev/iommu", O_RDWR);
    if (iommufd < 0) {
        die("no iommufd: %s", strerror(errno));
    }
}

static inline uint32_t ioas_alloc(void)
{
    struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

    must(iommufd, IOMMU_IOAS_ALLOC, &alloc, "no IOAS");
    return alloc.out_ioas_id;
}

#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | \
                   IOMMU_IOAS_MAP_WRITEABLE)

static inline int try_map_gmem_flags(uint32_t ioas, int gmem, uint64_t iova,
                                     uint32_t flags)
{
    struct iommu_ioas_map_file map = {
        .size = sizeof(map), .flags = flags, .ioas_id = ioas, .fd = gmem,
        .length = RAM_SIZE, .iova = iova,
    };

    return try_ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &map);
}

static inline int try_map_gmem(uint32_t ioas, int gmem, uint64_t iova)
{
    return try_map_gmem_flags(ioas, gmem, iova, MAP_FLAGS);
}

static inline int try_unmap_private(uint32_t ioas, uint64_t iova, uint64_t size)
{
    struct iommu_ioas_unmap_private unmap = {
        .size = sizeof(unmap), .ioas_id = ioas, .iova = iova, .length = size,
    };

    return try_ioctl(iommufd, IOMMU_IOAS_UNMAP_PRIVATE, &unmap);
}

static inline int try_map_shared(uint32_t ioas, Vm *vm, int page, int nr)
{
    struct iommu_ioas_map map = {
        .size = sizeof(map), .flags = MAP_FLAGS, .ioas_id = ioas,
        .user_va = (uintptr_t)(vm->shared + page * PAGE), .length = nr * PAGE,
        .iova = RAM_GPA + page * PAGE,
    };

    return try_ioctl(iommufd, IOMMU_IOAS_MAP, &map);
}

static inline int try_unmap_shared(uint32_t ioas, int page, int nr)
{
    struct iommu_ioas_unmap unmap = {
        .size = sizeof(unmap), .ioas_id = ioas, .iova = RAM_GPA + page * PAGE,
        .length = nr * PAGE,
    };

    return try_ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap);
}

static inline int try_destroy(uint32_t id)
{
    struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

    return try_ioctl(iommufd, IOMMU_DESTROY, &destroy);
}

/*
 * Devices
 */

static inline void dev_open_cdev(Dev *dev)
{
    char path[128] = "";
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", dev->bdf);
    folder = opendir(path);
    dev->fd = -1;
    while (folder && (entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof(path), "/dev/vfio/devices/%.32s",
                     entry->d_name);
            dev->fd = open(path, O_RDWR);
        }
    }
    if (dev->fd < 0) {
        die("cannot open %s: %s", path, strerror(errno));
    }
    closedir(folder);
}

static inline uint64_t dev_region(Dev *dev, uint32_t index)
{
    struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

    must(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info, dev->name);
    return info.offset;
}

static inline void dev_enable(Dev *dev)
{
    const uint16_t command = 6;

    if (pwrite(dev->fd, &command, 2,
               dev_region(dev, VFIO_PCI_CONFIG_REGION_INDEX) + 4) != 2) {
        die("%s cannot be enabled: %s", dev->name, strerror(errno));
    }
}

static inline int try_attach(Dev *dev, uint32_t pt)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach),
        .pt_id = pt,
    };
    int ret = try_ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);

    if (!ret) {
        dev->hwpt = attach.pt_id;
    }
    return ret;
}

/* As one of the VM, and attached to the IOAS */
static inline void dev_open(Dev *dev, Vm *vm, uint32_t ioas)
{
    struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
    struct kvm_device_attr attr = {
        .group = KVM_DEV_VFIO_FILE,
        .attr = KVM_DEV_VFIO_FILE_ADD,
        .addr = (uintptr_t)&dev->fd,
    };
    struct vfio_device_bind_iommufd bind = {
        .argsz = sizeof(bind),
        .iommufd = iommufd,
    };

    dev_open_cdev(dev);
    if (vm->vfio < 0) {
        must(vm->fd, KVM_CREATE_DEVICE, &create, "no VFIO in KVM");
        vm->vfio = create.fd;
    }
    must(vm->vfio, KVM_SET_DEVICE_ATTR, &attr, dev->name);
    must(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind, dev->name);
    dev->id = bind.out_devid;
    if (try_attach(dev, ioas)) {
        die("%s cannot be attached: %s", dev->name, strerror(errno));
    }
    dev_enable(dev);
    dev->bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dev->fd,
                    dev_region(dev, VFIO_PCI_BAR0_REGION_INDEX));
    if (dev->bar == MAP_FAILED) {
        die("cannot map BAR 0 of %s: %s", dev->name, strerror(errno));
    }
}

static inline int try_hwpt(Dev *dev, uint32_t pt, uint32_t *id)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc),
        .dev_id = dev->id,
        .pt_id = pt,
    };
    int ret = try_ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc);

    *id = alloc.out_hwpt_id;
    return ret;
}

static inline void dev_alloc_viommu(Dev *dev)
{
    struct iommu_viommu_alloc alloc = {
        .size = sizeof(alloc),
        .type = IOMMU_VIOMMU_TYPE_TSM,
        .dev_id = dev->id,
        .hwpt_id = dev->hwpt,
    };

    must(iommufd, IOMMU_VIOMMU_ALLOC, &alloc, "no vIOMMU");
    dev->viommu = alloc.out_viommu_id;
}

static inline void dev_alloc_vdevice(Dev *dev)
{
    struct iommu_vdevice_alloc alloc = {
        .size = sizeof(alloc),
        .viommu_id = dev->viommu,
        .dev_id = dev->id,
        .virt_id = dev->rid,
    };

    must(iommufd, IOMMU_VDEVICE_ALLOC, &alloc, "no vDEVICE");
    dev->vdevice = alloc.out_vdevice_id;
}

static inline int try_tsm(Dev *dev, uint32_t type)
{
    struct iommu_vdevice_tsm_op op = {
        .size = sizeof(op),
        .type = type,
        .vdevice_id = dev->vdevice,
    };

    return try_ioctl(iommufd, IOMMU_VDEVICE_TSM_OP, &op);
}

static inline int try_request(Dev *dev, uint32_t op, void *req, uint32_t req_len,
                              void *resp, uint32_t resp_len)
{
    struct iommu_vdevice_tsm_req request = {
        .size = sizeof(request),
        .vdevice_id = dev->vdevice,
        .op = op,
        .tvm_arch = IOMMU_VDEVICE_TSM_TVM_ARCH_SW,
        .req_len = req_len,
        .req_uptr = (uintptr_t)req,
        .resp_len = resp_len,
        .resp_uptr = (uintptr_t)resp,
    };

    return try_ioctl(iommufd, IOMMU_VDEVICE_TSM_REQ, &request);
}

static inline int try_start(Dev *dev)
{
    struct iommu_vdevice_tsm_sw_tdi_state run = { .state = TDI_RUN };

    return try_request(dev, IOMMU_VDEVICE_TSM_REQ_SET_TDI_STATE, &run,
                       sizeof(run), NULL, 0);
}

static inline int try_report(Dev *dev)
{
    static char report[65536];
    struct iommu_vdevice_tsm_sw_read_object object = {
        .object = IOMMU_VDEVICE_TSM_SW_REPORT,
    };

    return try_request(dev, IOMMU_VDEVICE_TSM_REQ_READ_OBJECT, &object,
                       sizeof(object), report, sizeof(report));
}

/* What KVM keeps of it goes as well. */
static inline void dev_close(Dev *dev, Vm *vm)
{
    struct kvm_device_attr attr = {
        .group = KVM_DEV_VFIO_FILE,
        .attr = KVM_DEV_VFIO_FILE_DEL,
        .addr = (uintptr_t)&dev->fd,
    };

    if (vm->fd >= 0) {
        try_slot(vm, SLOT_BAR, BAR_GPA, 0, NULL, -1);
    }
    munmap((void *)dev->bar, BAR_SIZE);
    must(vm->vfio, KVM_SET_DEVICE_ATTR, &attr, dev->name);
    close(dev->fd);
    dev->fd = -1;
}

#endif
