/*
 * Requests of a guest about its TEE-I/O devices: the exits of KVM
 *
 * Software-protected VMs make a hypercall, TDX guests a TDVMCALL.  From there
 * on they share the code.  The exits come without the BQL.
 *
 * The buffer must be RAM that is shared with QEMU.  It is looked up again for
 * each access, since the guest may unplug or convert it at any time; that the
 * guest converts it while it is being written is as if it had done so before:
 * then the write goes to the shared side of the page, which the guest has
 * given up.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm-tdcm.h>

#include "qemu/main-loop.h"
#include "hw/core/cpu.h"
#include "hw/vfio-private/hooks.h"
#include "standard-headers/linux/kvm_para.h"
#include "system/address-spaces.h"
#include "system/memory.h"
#include "request.h"

/* struct kvm_run.tdx.nr of TDG.VP.VMCALL<TDCM>, GHCI 2.0 */
#define TDVMCALL_TDCM 0x10007

/* Where interrupts as messages go on x86, before the vCPU's APIC ID */
#define TDCM_MSI_ADDRESS 0xfee00000

/* TDG.VP.VMCALL completion status codes, GHCI */
#define TDVMCALL_STATUS_SUCCESS             0x0ULL
#define TDVMCALL_STATUS_INVALID_OPERAND     0x8000000000000000ULL

/**
 * struct KVMTdxTdcm - the arm "tdcm" of the union in struct kvm_run.tdx
 *
 * QEMU's copy of the kernel's headers does not have it yet.
 *
 * @ret: out: TDVMCALL_STATUS_*, preset to say that it is not supported
 * @args: as those of the hypercall: requester ID in the guest; buffer, page
 *     aligned, without the shared bit; bytes, not 0; interrupt for the
 *     completion, 0: the guest polls
 */
typedef struct KVMTdxTdcm {
    __u64 ret;
    __u64 args[4];
} KVMTdxTdcm;

QEMU_BUILD_BUG_ON(sizeof(KVMTdxTdcm) >
                  sizeof_field(struct kvm_run, tdx.unknown));

static bool guest_section_shared(const MemoryRegionSection *section)
{
    MemoryRegion *mr = section->mr;

    if (!memory_region_is_ram(mr) || memory_region_is_ram_device(mr) ||
        section->readonly) {
        return false;
    }
    return !memory_region_has_guest_memfd(mr) ||
           ram_discard_manager_is_populated(
               memory_region_get_ram_discard_manager(mr), section);
}

/*
 * The manager of RAM with two views counts pages, and rounds down: what is less
 * than a page it takes for populated, whatever its state.
 */
bool tdcm_guest_shared(hwaddr gpa, uint64_t size)
{
    hwaddr end = ROUND_UP(gpa + size, qemu_real_host_page_size());
    bool shared = true;

    gpa = QEMU_ALIGN_DOWN(gpa, qemu_real_host_page_size());
    while (gpa < end && shared) {
        MemoryRegionSection section =
            memory_region_find(get_system_memory(), gpa, end - gpa);

        if (!section.mr) {
            return false;
        }
        /* What is found may begin beyond a hole. */
        shared = section.offset_within_address_space == gpa &&
                 guest_section_shared(&section);
        gpa += int128_get64(section.size);
        memory_region_unref(section.mr);
    }
    return shared;
}

bool tdcm_guest_read(hwaddr gpa, void *buf, uint64_t size)
{
    return tdcm_guest_shared(gpa, size) &&
           address_space_read(&address_space_memory, gpa,
                              MEMTXATTRS_UNSPECIFIED, buf, size) == MEMTX_OK;
}

bool tdcm_guest_write(hwaddr gpa, const void *buf, uint64_t size)
{
    return tdcm_guest_shared(gpa, size) &&
           address_space_write(&address_space_memory, gpa,
                               MEMTXATTRS_UNSPECIFIED, buf, size) == MEMTX_OK;
}

/*
 * As a device would: beyond 255 vCPUs that takes kvm-msi-ext-dest-id,
 * which is on unless the user has turned it off, and then no device
 * reaches those either.
 */
void tdcm_guest_interrupt(uint32_t apic_id, uint8_t vector)
{
    hwaddr message = TDCM_MSI_ADDRESS | (apic_id & 0xff) << 12 |
                     (apic_id >> 8 & 0x7f) << 5;

    address_space_stl_le(&address_space_memory, message, vector,
                         MEMTXATTRS_UNSPECIFIED, NULL);
}

/* @args: the first four members of &struct TDCMCall */
static int tdcm_exit(const __u64 *args)
{
    TDCMCall call = {
        .devid = args[0],
        .gpa = args[1],
        .size = args[2],
        .vector = args[3],
        .apic_id = current_cpu->cc->get_arch_id(current_cpu),
    };

    BQL_LOCK_GUARD();
    return vfio_private_request(&call);
}

bool vfio_private_handle_hypercall(struct kvm_run *run)
{
    if (run->hypercall.nr != KVM_HC_TDCM) {
        return false;
    }
    run->hypercall.ret = tdcm_exit(run->hypercall.args) ? -KVM_EINVAL : 0;
    return true;
}

void vfio_private_handle_tdx(struct kvm_run *run)
{
    KVMTdxTdcm *tdcm = (KVMTdxTdcm *)&run->tdx.unknown;

    if (run->tdx.nr == TDVMCALL_TDCM) {
        tdcm->ret = tdcm_exit(tdcm->args) ? TDVMCALL_STATUS_INVALID_OPERAND :
                                            TDVMCALL_STATUS_SUCCESS;
    }
}
