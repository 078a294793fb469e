/*
 * Software-protected VM: a confidential guest without confidentiality
 *
 * KVM_X86_SW_PROTECTED_VM gives a VM private memory (guest_memfd) and lets the
 * guest convert it, on any hardware.  The host can still read all of it: it is
 * a vehicle to test what a confidential guest makes the VMM do.
 *
 * Unlike the RAM of a TDX or SEV-SNP guest, RAM starts shared here, so that
 * ordinary firmware and kernels boot.  The guest converts what it wants with
 * KVM_HC_MAP_GPA_RANGE.  Nothing is encrypted or measured, so the guest can be
 * reset: RAM is shared again afterwards.
 *
 * With private-memory=on, a bit in CPUID asks the guest to keep all its RAM
 * private, as it would under TDX.  A kernel that does not know the bit leaves
 * its RAM shared.  KVM itself reads guest memory: page tables, instructions
 * that it emulates, paravirtual clock pages.  So the guest is asked only if KVM
 * looks for them where the attribute says; a KVM that reads the shared view
 * alone would find nothing but zeroes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm-tdcm.h>

#include "qapi/error.h"
#include "qapi/qapi-types-common.h"
#include "qemu/error-report.h"
#include "qom/object_interfaces.h"
#include "cpu.h"
#include "hw/i386/x86.h"
#include "migration/blocker.h"
#include "standard-headers/asm-x86/kvm_para.h"
#include "standard-headers/linux/kvm_para.h"
#include "system/address-spaces.h"
#include "system/kvm.h"
#include "system/reset.h"
#include "system/system.h"
#include "target/i386/confidential-guest.h"
#include "kvm_i386.h"
#include "trace.h"

#define TYPE_SW_PROTECTED_VM "sw-protected-vm"
OBJECT_DECLARE_SIMPLE_TYPE(SwProtectedVM, SW_PROTECTED_VM)

struct SwProtectedVM {
    X86ConfidentialGuest parent_obj;

    ResettableState reset_state;
    Error *migration_blocker;
    Notifier machine_done;
    bool has_tdcm;      /* the guest may make requests about TEE-I/O devices */
    OnOffAuto private_memory;   /* ask the guest to keep its RAM private */
};

OBJECT_DEFINE_SIMPLE_TYPE_WITH_INTERFACES(SwProtectedVM, sw_protected_vm,
                                          SW_PROTECTED_VM,
                                          X86_CONFIDENTIAL_GUEST,
                                          { TYPE_RESETTABLE_INTERFACE },
                                          { TYPE_USER_CREATABLE }, { })

static bool sw_protected_vm_reset_range(Int128 start, Int128 len,
                                        const MemoryRegion *mr,
                                        hwaddr offset_in_region, void *opaque)
{
    GArray *sections = opaque;
    MemoryRegionSection section = {
        .mr = (MemoryRegion *)mr,
        .offset_within_address_space = int128_get64(start),
        .offset_within_region = offset_in_region,
        .size = len,
    };

    if (memory_region_has_guest_memfd(section.mr) &&
        !ram_discard_manager_is_populated(
            memory_region_get_ram_discard_manager(section.mr), &section)) {
        g_array_append_val(sections, section);
    }
    return false;
}

static ResettableState *sw_protected_vm_get_reset_state(Object *obj)
{
    return &SW_PROTECTED_VM(obj)->reset_state;
}

/* The vCPUs are stopped, and the BQL keeps the sections in place. */
static void sw_protected_vm_reset_hold(Object *obj, ResetType type)
{
    g_autoptr(GArray) sections = g_array_new(false, false,
                                             sizeof(MemoryRegionSection));
    int i;

    /* A guest that wakes up goes on with the RAM that it went to sleep with. */
    if (type == RESET_TYPE_WAKEUP) {
        return;
    }
    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(
                                    &address_space_memory),
                                sw_protected_vm_reset_range, sections);
    }
    for (i = 0; i < sections->len; i++) {
        MemoryRegionSection *section =
            &g_array_index(sections, MemoryRegionSection, i);
        hwaddr start = section->offset_within_address_space;
        hwaddr size = int128_get64(section->size);
        int ret = kvm_convert_memory(start, size, false);

        trace_sw_protected_vm_reset(start, size, ret);
        if (ret) {
            error_report("sw-protected-vm: 0x%" HWADDR_PRIx " + 0x%" HWADDR_PRIx
                         " stays private over the reset: %s", start, size,
                         strerror(-ret));
        }
    }
}

static bool sw_protected_vm_check_smm(X86MachineState *x86ms, Error **errp)
{
    if (x86ms->smm == ON_OFF_AUTO_AUTO) {
        x86ms->smm = ON_OFF_AUTO_OFF;
    }
    if (x86ms->smm == ON_OFF_AUTO_ON) {
        error_setg(errp, "sw-protected-vm excludes smm=on: KVM has one memory "
                   "map for such a VM; use -machine smm=off");
        return false;
    }
    return true;
}

/*
 * By CPUID, the guest knows of the hypercall that converts memory.  Without
 * KVM_FEATURE_HC_TDCM it has no TEE-I/O, which is a choice.
 */
static void sw_protected_vm_check_cpu(Notifier *notifier, void *data)
{
    X86CPU *cpu = X86_CPU(first_cpu);

    if (!cpu->expose_kvm) {
        error_report("sw-protected-vm excludes kvm=off: the guest finds KVM's "
                     "hypercalls by CPUID; remove it from -cpu");
        exit(1);
    }
    if (!(cpu->env.features[FEAT_KVM] & BIT(KVM_FEATURE_HC_MAP_GPA_RANGE))) {
        error_report("sw-protected-vm excludes kvm-hc-map-gpa-range=off: the "
                     "guest could not convert memory; remove it from -cpu");
        exit(1);
    }
}

/*
 * No kernel without this fork's patches has KVM_HC_TDCM, and those that have it
 * look for what they read of the guest where the attribute says.
 */
static bool sw_protected_vm_check_private(SwProtectedVM *vm, Error **errp)
{
    if (vm->private_memory == ON_OFF_AUTO_AUTO) {
        vm->private_memory = vm->has_tdcm ? ON_OFF_AUTO_ON : ON_OFF_AUTO_OFF;
    }
    if (vm->private_memory == ON_OFF_AUTO_ON && !vm->has_tdcm) {
        error_setg(errp, "sw-protected-vm,private-memory=on requires a KVM "
                   "that reads private memory: boot a host kernel with this "
                   "fork's patches, or use private-memory=off");
        return false;
    }
    return true;
}

static int sw_protected_vm_kvm_init(ConfidentialGuestSupport *cgs,
                                    Error **errp)
{
    SwProtectedVM *vm = SW_PROTECTED_VM(cgs);

    if (!sw_protected_vm_check_smm(X86_MACHINE(qdev_get_machine()), errp)) {
        return -EINVAL;
    }
    vm->has_tdcm = kvm_vm_check_extension(kvm_state, KVM_CAP_EXIT_HYPERCALL) &
                   BIT(KVM_HC_TDCM);
    if (!sw_protected_vm_check_private(vm, errp)) {
        return -EOPNOTSUPP;
    }
    if (!kvm_enable_hypercall(BIT_ULL(KVM_HC_MAP_GPA_RANGE) |
                              (vm->has_tdcm ? BIT_ULL(KVM_HC_TDCM) : 0))) {
        error_setg(errp, "sw-protected-vm requires KVM_CAP_EXIT_HYPERCALL: "
                   "boot a newer host kernel");
        return -EOPNOTSUPP;
    }
    error_setg(&vm->migration_blocker,
               "sw-protected-vm: private memory cannot be migrated or saved");
    if (migrate_add_blocker(&vm->migration_blocker, errp) < 0) {
        return -EINVAL;
    }
    vm->machine_done.notify = sw_protected_vm_check_cpu;
    qemu_add_machine_init_done_notifier(&vm->machine_done);
    qemu_register_resettable(OBJECT(vm));
    cgs->ready = true;
    return 0;
}

static int sw_protected_vm_kvm_type(X86ConfidentialGuest *cg)
{
    return KVM_X86_SW_PROTECTED_VM;
}

/* How the guest knows that it may do something, whatever the model of CPU */
static void sw_protected_vm_offer(CPUState *cpu, unsigned int bit,
                                  const char *property)
{
    CPUX86State *env = &X86_CPU(cpu)->env;

    /* Unless the user has switched it off */
    if (!(env->user_features[FEAT_KVM] & ~env->features[FEAT_KVM] & BIT(bit))) {
        object_property_set_bool(OBJECT(cpu), property, true, &error_abort);
    }
}

static void sw_protected_vm_cpu_instance_init(X86ConfidentialGuest *cg,
                                              CPUState *cpu)
{
    SwProtectedVM *vm = SW_PROTECTED_VM(cg);

    sw_protected_vm_offer(cpu, KVM_FEATURE_HC_MAP_GPA_RANGE,
                          "kvm-hc-map-gpa-range");
    if (vm->has_tdcm) {
        sw_protected_vm_offer(cpu, KVM_FEATURE_HC_TDCM, "kvm-hc-tdcm");
    }
    if (vm->private_memory == ON_OFF_AUTO_ON) {
        sw_protected_vm_offer(cpu, KVM_FEATURE_PRIVATE_RAM, "kvm-private-ram");
    }
}

static uint32_t
sw_protected_vm_adjust_cpuid_features(X86ConfidentialGuest *cg,
                                      uint32_t feature, uint32_t index,
                                      int reg, uint32_t value)
{
    SwProtectedVM *vm = SW_PROTECTED_VM(cg);

    /* KVM leaves it to the VMM to offer what the VMM implements. */
    if (feature == KVM_CPUID_FEATURES && reg == R_EAX) {
        value |= BIT(KVM_FEATURE_HC_MAP_GPA_RANGE);
        value |= vm->has_tdcm ? BIT(KVM_FEATURE_HC_TDCM) : 0;
        if (vm->private_memory == ON_OFF_AUTO_ON) {
            value |= BIT(KVM_FEATURE_PRIVATE_RAM);
        }
    }
    return value;
}

static int sw_protected_vm_get_private_memory(Object *obj, Error **errp)
{
    return SW_PROTECTED_VM(obj)->private_memory;
}

static void sw_protected_vm_set_private_memory(Object *obj, int value,
                                               Error **errp)
{
    if (CONFIDENTIAL_GUEST_SUPPORT(obj)->ready) {
        error_setg(errp, "private-memory cannot change once the VM exists");
        return;
    }
    SW_PROTECTED_VM(obj)->private_memory = value;
}

static bool sw_protected_vm_can_be_deleted(UserCreatable *uc)
{
    return !CONFIDENTIAL_GUEST_SUPPORT(uc)->ready;
}

static void sw_protected_vm_class_init(ObjectClass *oc, const void *data)
{
    ConfidentialGuestSupportClass *cgsc = CONFIDENTIAL_GUEST_SUPPORT_CLASS(oc);
    X86ConfidentialGuestClass *x86cgc = X86_CONFIDENTIAL_GUEST_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);
    UserCreatableClass *ucc = USER_CREATABLE_CLASS(oc);

    ucc->can_be_deleted = sw_protected_vm_can_be_deleted;
    rc->get_state = sw_protected_vm_get_reset_state;
    rc->phases.hold = sw_protected_vm_reset_hold;
    cgsc->kvm_init = sw_protected_vm_kvm_init;
    x86cgc->kvm_type = sw_protected_vm_kvm_type;
    x86cgc->cpu_instance_init = sw_protected_vm_cpu_instance_init;
    x86cgc->adjust_cpuid_features = sw_protected_vm_adjust_cpuid_features;

    object_class_property_add_enum(oc, "private-memory", "OnOffAuto",
                                   &OnOffAuto_lookup,
                                   sw_protected_vm_get_private_memory,
                                   sw_protected_vm_set_private_memory);
    object_class_property_set_description(oc, "private-memory",
        "Ask the guest to keep its RAM private; requires a KVM that reads "
        "private memory (default: auto, on if KVM does)");
}

static void sw_protected_vm_init(Object *obj)
{
    ConfidentialGuestSupport *cgs = CONFIDENTIAL_GUEST_SUPPORT(obj);

    cgs->require_guest_memfd = true;
    cgs->ram_starts_shared = true;
}

static void sw_protected_vm_finalize(Object *obj)
{
}
