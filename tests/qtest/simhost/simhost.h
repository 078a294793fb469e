/*
 * A simulated host for QEMU: what the test and the shared object share
 *
 * The shared object is preloaded into QEMU and answers for KVM, iommufd and
 * one VFIO device.  It shares a page range with the test, which has the log of
 * all calls, what is to fail, and the exit that KVM_RUN is to return next.
 * The log outlives QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SIMHOST_H
#define SIMHOST_H

/* Set in QEMU's environment, which inherits these fds */
#define SIM_ENV "SIMHOST"

/* Above all that QEMU opens.  The device has one, and spare ones. */
#define SIM_SHARED_FD   200
#define SIM_KICK_FD     201
#define SIM_DEVICE_FD   202
#define SIM_SPARE_FD    203
#define SIM_SPARES      12
/* For a QEMU without iommufd: the group of a device */
#define SIM_GROUP_NR    7
/* The other end of a pipe of the test */
#define SIM_EVENTQ_FD   (SIM_SPARE_FD + SIM_SPARES)

#define SIM_NAME    32
#define SIM_ARGS    5
#define SIM_EVENTS  65536
#define SIM_FAULTS  4
#define SIM_CAPS    4
#define SIM_EXIT_ARGS 4

/* The device: see vfio.c */
#define SIM_BAR0_SIZE   0x10000ULL      /* with MSI-X in its middle */
#define SIM_BAR2_SIZE   0x100000ULL
#define SIM_ROM_SIZE    0x10000ULL
#define SIM_MSIX_TABLE  0x8000
#define SIM_MSIX_PBA    0x9000
#define SIM_MSIX_END    0xa000
#define SIM_CAP_EXP     0x40
#define SIM_CAP_AF      0xa0
#define SIM_ROM_REGION    6
#define SIM_CONFIG_REGION 7

/**
 * struct SimEvent - one call of QEMU
 * @name: of the call, e.g. "VDEVICE_ALLOC", "TSM_BIND", "close vfio"
 * @args: its main arguments, after it was done: see the tables of calls
 * @ret: result, or -errno
 * @done: 0 while it is in progress
 */
typedef struct SimEvent {
    char name[SIM_NAME];
    uint64_t args[SIM_ARGS];
    int32_t ret;
    uint32_t done;
} SimEvent;

/**
 * struct SimFault - a call that is to fail
 * @name: as in &struct SimEvent; empty: none
 * @at: at which call from now on, 1 is the next one
 * @err: errno
 * @code: what a TSM request has in tsm_code
 * @after: it fails after it was carried out
 * @stays: so do all later ones
 * @stall: it waits for the test before it is carried out; @err may be 0
 */
typedef struct SimFault {
    char name[SIM_NAME];
    uint32_t at;
    int32_t err;
    uint64_t code;
    uint8_t after;
    uint8_t stays;
    uint8_t stall;
} SimFault;

/* What KVM_RUN returns; args as in the arm of struct kvm_run. */
typedef struct SimExit {
    uint32_t reason;
    uint32_t nr;
    uint64_t args[SIM_EXIT_ARGS];
    uint64_t ret;
} SimExit;

/**
 * struct SimShared - memory of the test and the shared object
 * @nr_events: how many of @events there are
 * @faults: changed by the test while QEMU waits for it
 * @caps_off: capabilities of KVM that this host does not have; 0: none
 * @access_asked, @access_done: number of accesses that the vCPU is to make to
 *     @access_gpa, and that have succeeded.  One that does not it makes again
 *     at each KVM_RUN; meanwhile it takes exits, as a guest takes interrupts.
 * @access_private: of a TDX guest: with the private bit
 * @access_faults: how often one has failed
 * @idle_vcpus: how many vCPUs come before the one that does all this, and only
 *     wait; set before QEMU starts
 * @exits_asked, @exits_done: number of exits that the test has put into @exit,
 *     and that QEMU has handled: @exit.ret is valid once they are equal
 * @no_tdcm: KVM does not hand on requests about TDIs by hypercall
 * @no_private_mmio: the VM has no private views of device memory
 * @revoked: VFIO has revoked the dma-bufs
 * @released: what has been stalled goes on
 * @tdi_state: of the device, TDISP's number
 * @ended: the host has unbound the TDI, which QEMU has not yet
 * @binds: how often the vDEVICE was bound
 * @vdevice_id, @virt_id: the vDEVICE
 * @no_tee_io: the device cannot be a TDI, and its config space says so; set
 *     before QEMU starts
 * @no_answer: the device's config space reads as all ones
 * @report_bad: the interface report makes no sense
 * @no_cuts: IOMMU_IOAS_UNMAP unmaps whole mappings only, whatever the option
 * @no_private_dma: a kernel that maps no guest_memfd for devices
 * @polled: how often a queue of events cannot be destroyed, as somebody is in
 *     poll() with its file
 * @lost_memory: some of it could not be mapped, so none is
 * @nr_objects, @nr_maps: of iommufd, that exist now
 * @nr_private_maps: of guest_memfds, likewise
 * @private_hwpt: the page table with private memory; 0: none
 * @attached: the page table that the device is attached to
 * @nr_dmabufs, @nr_iommufds: open files
 * @nr_kvm_files: VFIO devices that KVM knows
 * @no_private_bind: a kernel that does not know VFIO_DEVICE_BIND_FLAG_PRIVATE
 * @no_vf_token: the device takes none
 * @vf_token: that the device was bound with
 */
typedef struct SimShared {
    uint32_t nr_events;
    uint32_t access_asked;
    uint32_t access_done;
    uint32_t access_private;
    uint32_t access_faults;
    uint64_t access_gpa;
    uint32_t no_tdcm;
    uint32_t no_private_mmio;
    uint32_t revoked;
    uint32_t idle_vcpus;
    uint32_t exits_asked;
    uint32_t exits_done;
    uint32_t released;
    uint32_t tdi_state;
    uint32_t ended;
    uint32_t binds;
    uint32_t vdevice_id;
    uint64_t virt_id;
    uint32_t no_tee_io;
    uint32_t no_answer;
    uint32_t report_bad;
    uint32_t no_cuts;
    uint32_t no_private_dma;
    uint32_t polled;
    uint32_t lost_memory;
    uint32_t nr_objects;
    uint32_t nr_maps;
    uint32_t nr_private_maps;
    uint32_t private_hwpt;
    uint32_t attached;
    uint32_t nr_dmabufs;
    uint32_t nr_iommufds;
    uint32_t nr_kvm_files;
    uint32_t no_private_bind;
    uint32_t no_vf_token;
    uint8_t vf_token[16];
    uint32_t caps_off[SIM_CAPS];
    SimExit exit;
    SimFault faults[SIM_FAULTS];
    SimEvent events[SIM_EVENTS];
} SimShared;

#endif /* SIMHOST_H */
