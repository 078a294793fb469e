/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raw-vmm - a VMM that does not keep its part of what keeps private memory private.
 *
 *   raw-vmm NAME BDF NAME BDF WHAT
 *   raw-vmm list             prints what there is
 *
 * NAME is how the case calls a device. Both are tdi-testdevs on vfio-pci; the first
 * is connected to a TSM. The TDI gets to RUN with all memory private; then the VMM
 * leaves out what it should do, which is WHAT, see the table at the end.
 *
 * shares-its-group wants a TDI that does.
 *
 * Leaves with 0 if the kernel held what it has to, or the way that WHAT says.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/time.h>

#include "raw-judge.h"

static void lock(void)
{
    expect("bind", try_tsm(&dev[0], IOMMU_VDEVICE_TSM_BIND), 0);
    expect_map("locked", &dev[0], 0, 0);
    if (dma(&dev[0], AT, 0) != UINT32_MAX) {
        die("a locked TDI takes orders");
    }
}

static void start(void)
{
    expect("start", try_start(&dev[0]), 0);
    running = true;
}

/* The VMM gives the orders then: to a device that has been stopped anybody may. */
static void unbind(void)
{
    running = false;
    expect("unbind", try_tsm(&dev[0], IOMMU_VDEVICE_TSM_UNBIND), 0);
}

static void attach(void)
{
    expect("attach", try_attach(&dev[0], dev[0].private_hwpt), 0);
    expect_map("attached", &dev[0], 0, 0);
}

/* As a VMM should do it */
static void run(void)
{
    lock();
    attach();
    start();
    check("in RUN", ALL, 0);
}

static void shares_without_unmap(void)
{
    run();
    expect("to shared", try_convert(&vm, AT, 1, false), 0);
    check("one page is shared", ALL & ~BIT(AT), 0);
    expect("map it", try_map_shared(ioas, &vm, AT, 1), 0);
    check("and mapped", ALL & ~BIT(AT), BIT(AT));
    expect("to private while mapped", try_convert(&vm, AT, 1, true), EBUSY);
    expect("with others", try_convert(&vm, 0, NR_PAGES, true), EBUSY);
    check("still shared", ALL & ~BIT(AT), BIT(AT));
    expect("unmap", try_unmap_shared(ioas, AT, 1), 0);
    expect("to private", try_convert(&vm, AT, 1, true), 0);
    check("private again", ALL, 0);
    expect("all to shared", try_convert(&vm, 0, NR_PAGES, false), 0);
    check("all is shared", 0, 0);
    unbind();
    check("unbound", 0, 0);
}

static void maps_over_private(void)
{
    char byte;

    run();
    expect("map shared memory", try_map_shared(ioas, &vm, AT, 1), EBUSY);
    expect("over all", try_map_shared(ioas, &vm, 0, NR_PAGES), EBUSY);
    expect("map twice", try_map_gmem(ioas, vm.gmem, RAM_GPA), EEXIST);
    expect("map elsewhere", try_map_gmem(ioas, vm.gmem, RAM_GPA + RAM_SIZE),
           EINVAL);
    expect("unmap a part", try_unmap_private(ioas, RAM_GPA, PAGE), ENOENT);
    check("after all that", ALL, 0);
    if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, vm.gmem, 0) != MAP_FAILED ||
        read(vm.gmem, &byte, 1) >= 0) {
        die("the VMM gets at private memory");
    }
    expect("unmap", try_unmap_private(ioas, RAM_GPA, RAM_SIZE), 0);
    check("unmapped", 0, 0);
    expect("map private", try_map_gmem(ioas, vm.gmem, RAM_GPA), 0);
    check("mapped again", ALL, 0);
}

/* Without a private area it is the attributes that count, while there is a TDI */
static void maps_instead_of_private(void)
{
    run();
    expect("unmap", try_unmap_private(ioas, RAM_GPA, RAM_SIZE), 0);
    expect("map shared memory", try_map_shared(ioas, &vm, AT, 1), EBUSY);
    expect("over all", try_map_shared(ioas, &vm, 0, NR_PAGES), EBUSY);
    check("nothing mapped", 0, 0);
    expect("to shared", try_convert(&vm, AT, 1, false), 0);
    expect("map it", try_map_shared(ioas, &vm, AT, 1), 0);
    expect("to private while mapped", try_convert(&vm, AT, 1, true), EBUSY);
    expect("with others", try_convert(&vm, 0, NR_PAGES, true), EBUSY);
    check("still shared", 0, BIT(AT));

    unbind();
    expect("to private, unbound", try_convert(&vm, AT, 1, true), 0);
    expect("bind", try_tsm(&dev[0], IOMMU_VDEVICE_TSM_BIND), EBUSY);
    expect("map private", try_map_gmem(ioas, vm.gmem, RAM_GPA), EBUSY);
    expect("unmap", try_unmap_shared(ioas, AT, 1), 0);
    expect("map private", try_map_gmem(ioas, vm.gmem, RAM_GPA), 0);
    lock();
    start();
    check("as it should be", ALL, 0);
}

/* An IOAS that knows nothing of the VM */
/* What it maps to be read is not written to. */
static void maps_read_only(void)
{
    run();
    expect("unmap private", try_unmap_private(ioas, RAM_GPA, RAM_SIZE), 0);
    check("nothing is mapped", 0, 0);
    expect("map to read",
           try_map_gmem_flags(ioas, vm.gmem, RAM_GPA,
                              MAP_FLAGS & ~IOMMU_IOAS_MAP_WRITEABLE), 0);
    expect_map("mapped to read", &dev[0], ALL, 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(tried); i++) {
        expect_refused("mapped to read", &dev[0], tried[i]);
    }
    expect("unmap what is read", try_unmap_private(ioas, RAM_GPA, RAM_SIZE), 0);
    expect("map private", try_map_gmem(ioas, vm.gmem, RAM_GPA), 0);
    check("in RUN again", ALL, 0);
    unbind();
}

static void attaches_elsewhere(void)
{
    uint32_t elsewhere = ioas_alloc();

    run();
    expect("map there", try_map_shared(elsewhere, &vm, AT, 1), 0);
    expect("attach in RUN", try_attach(&dev[0], elsewhere), EBUSY);
    check("refused", ALL, 0);
    unbind();
    expect("attach", try_attach(&dev[0], elsewhere), 0);
    expect_map("attached there", &dev[0], 0, BIT(AT));
    expect("bind", try_tsm(&dev[0], IOMMU_VDEVICE_TSM_BIND), EBUSY);
    expect("back", try_attach(&dev[0], ioas), 0);
    run();
    check("back", ALL, 0);
}

/* The next page there is another one, and zero. */
static void punches(void)
{
    run();
    expect("punch", try_punch(&vm, AT, 1), 0);
    frame[AT] = 0;
    check("a page is gone", ALL & ~BIT(AT), 0);
    if (guest_access(&vm, RAM_GPA + AT * PAGE, false, 0)) {
        die("the guest gets a page that is not new");
    }
    check("it is there", ALL, 0);
    expect("punch all", try_punch(&vm, 0, NR_PAGES), 0);
    memset(frame, 0, sizeof(frame));
    check("all are gone", 0, 0);
}

/* Memory that the VM does not have any more, or has at another address */
static void moves_memory(void)
{
    run();
    expect("delete it", try_ram_slot(&vm, RAM_GPA, 0), 0);
    check("no memory", 0, 0);
    expect("attribute", try_convert_at(&vm, RAM_GPA + RAM_SIZE, PAGE, true), 0);
    expect("elsewhere", try_ram_slot(&vm, RAM_GPA + RAM_SIZE, RAM_SIZE), EINVAL);
    expect("attribute", try_convert_at(&vm, RAM_GPA + RAM_SIZE, PAGE, false), 0);
    expect("elsewhere", try_ram_slot(&vm, RAM_GPA + RAM_SIZE, RAM_SIZE), 0);
    check("memory elsewhere", 0, 0);
    expect("to private", try_convert_at(&vm, RAM_GPA + RAM_SIZE, PAGE, true),
           EINVAL);
    expect("delete it", try_ram_slot(&vm, RAM_GPA, 0), 0);
    expect("back", try_ram_slot(&vm, RAM_GPA, RAM_SIZE), 0);
    check("where it was", ALL, 0);
}

/* The area holds the file, and that the VM; nobody gets its pages. */
static void closes_the_vm(void)
{
    run();
    close(vm.gmem);
    close(vm.fd);
    vm.fd = -1;
    check("closed, a vCPU is left", ALL, 0);
    close(vm.vcpu);
    close(vm.vfio);
    expect_map("closed", &dev[0], ALL, 0);
    unbind();
    check("unbound", 0, 0);
    expect("bind", try_tsm(&dev[0], IOMMU_VDEVICE_TSM_BIND), 0);
    expect("start", try_start(&dev[0]), 0);
    expect_map("bound again", &dev[0], ALL, 0);
}

static void unbinds_without_detach(void)
{
    run();
    unbind();
    check("unbound, attached", 0, 0);
    lock();
    expect_map("bound again", &dev[0], 0, 0);
    start();
    check("in RUN again", ALL, 0);
    unbind();
    expect("detach", try_attach(&dev[0], ioas), 0);
    check("detached", 0, 0);
    expect("attach unbound", try_attach(&dev[0], dev[0].private_hwpt), ENXIO);
    check("refused", 0, 0);
}

static void destroys_what_is_used(void)
{
    run();
    expect("destroy HWPT", try_destroy(dev[0].private_hwpt), EBUSY);
    expect("destroy vIOMMU", try_destroy(dev[0].viommu), EBUSY);
    expect("destroy IOAS", try_destroy(ioas), EBUSY);
    check("nothing destroyed", ALL, 0);
    running = false;
    expect("destroy vDEVICE", try_destroy(dev[0].vdevice), 0);
    check("without vDEVICE", 0, 0);
    /* The HWPT is nobody's now */
    dev_alloc_vdevice(&dev[0]);
    lock();
    start();
    check("another vDEVICE", 0, 0);
    expect("detach", try_attach(&dev[0], ioas), 0);
    expect("attach", try_attach(&dev[0], dev[0].private_hwpt), EACCES);
    check("refused", 0, 0);
}

static void runs_without_attach(void)
{
    lock();
    start();
    check("in RUN, not attached", 0, 0);
    expect("attach", try_attach(&dev[0], dev[0].private_hwpt), 0);
    check("attached", ALL, 0);
    expect("detach", try_attach(&dev[0], ioas), 0);
    check("detached", 0, 0);
}

static void attaches_others(void)
{
    uint32_t private_hwpt = dev[0].private_hwpt;

    expect("unbound", try_attach(&dev[0], private_hwpt), ENXIO);
    expect("a stranger", try_attach(&dev[1], private_hwpt), EACCES);
    lock();
    expect("a stranger, locked", try_attach(&dev[1], private_hwpt), EACCES);
    attach();
    start();
    expect("a stranger, in RUN", try_attach(&dev[1], private_hwpt), EACCES);
    expect("HWPT of a stranger", try_hwpt(&dev[1], dev[0].viommu, &private_hwpt),
           EACCES);
    /* Nor does it when it could be a TDI itself */
    dev[1].viommu = dev[0].viommu;
    dev_alloc_vdevice(&dev[1]);
    expect("a vDEVICE", try_attach(&dev[1], dev[0].private_hwpt), EACCES);
    expect("its own, unbound", try_hwpt(&dev[1], dev[1].viommu,
                                        &dev[1].private_hwpt), 0);
    expect("attach", try_attach(&dev[1], dev[1].private_hwpt), ENXIO);
    check("after all that", ALL, 0);
}

/* Memory of another VM, in the IOAS of the TDI, in another, and as its own */
static void maps_another_vm(void)
{
    uint32_t other_ioas = ioas_alloc(), hwpt;
    Vm other;

    run();
    vm_create(&other);
    expect("to private", try_convert(&other, 0, NR_PAGES, true), 0);
    expect("populate", fallocate(other.gmem, FALLOC_FL_KEEP_SIZE, 0, RAM_SIZE) ?
                       errno : 0, 0);
    expect("into the IOAS", try_map_gmem(ioas, other.gmem, RAM_GPA), EXDEV);
    expect("beside it", try_map_gmem(ioas, other.gmem, RAM_GPA + RAM_SIZE), EXDEV);
    expect("as memory", try_slot(&vm, SLOT_OTHER, RAM_GPA + RAM_SIZE, RAM_SIZE,
                                 other.shared, other.gmem), EINVAL);
    check("refused", ALL, 0);
    expect("another IOAS", try_map_gmem(other_ioas, other.gmem, RAM_GPA), 0);
    expect("attach", try_attach(&dev[1], other_ioas), 0);
    dev_alloc_viommu(&dev[1]);
    dev_alloc_vdevice(&dev[1]);
    expect("HWPT", try_hwpt(&dev[1], dev[1].viommu, &hwpt), EXDEV);
    check("a stranger there", ALL, 0);
    expect("attach", try_attach(&dev[0], other_ioas), EBUSY);
    check("not the TDI", ALL, 0);
}

static void write_file(const char *name, const char *value)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", dev[0].bdf, name);
    fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, value, strlen(value)) < 0) {
        die("%s to %s: %s", value, path, strerror(errno));
    }
    close(fd);
}

/* The host ends the binding, and the VMM goes on as if it had not. */
static void ignores_the_host(void)
{
    const char *tsm = getenv("LAB_TSM");

    run();
    running = false;
    write_file("reset", "1");
    check("reset", 0, 0);
    expect("start", try_start(&dev[0]), ENXIO);
    unbind();
    run();
    running = false;
    write_file("tsm/disconnect", tsm);
    check("disconnected", 0, 0);
    expect("start", try_start(&dev[0]), ENXIO);
    write_file("tsm/connect", tsm);
    check("connected", 0, 0);
}

static void closes_the_device(void)
{
    run();
    running = false;
    dev_close(&dev[0], &vm);
    dev_open(&dev[0], &vm, ioas);
    check("opened again", 0, 0);
    expect("attach", try_attach(&dev[0], dev[0].private_hwpt), EACCES);
    check("refused", 0, 0);
}

static void closes_iommufd(void)
{
    run();
    close(iommufd);
    check("closed", ALL, 0);
    running = false;
    dev_close(&dev[0], &vm);
    expect_map("without the device", &dev[0], 0, 0);
}

static void exits(void)
{
    run();
    exit(0);
}

static void is_killed_locked(void)
{
    lock();
    expect("attach", try_attach(&dev[0], dev[0].private_hwpt), 0);
    raise(SIGKILL);
}

static void is_killed(void)
{
    run();
    raise(SIGKILL);
}

/* In the middle of something */
static void is_killed_converting(void)
{
    struct itimerval soon = { .it_value.tv_usec = 100000 };

    run();
    setitimer(ITIMER_REAL, &soon, NULL);
    for (bool to_private = false;; to_private = !to_private) {
        try_convert(&vm, 0, NR_PAGES, to_private);
    }
}

/* What shares its IOMMU group would reach what it does: it gets no such HWPT. */
static void shares_its_group(void)
{
    expect("HWPT", try_hwpt(&dev[0], dev[0].viommu, &dev[0].private_hwpt),
           EACCES);
    lock();
    start();
    check("in RUN", 0, 0);
    unbind();
}

static const struct {
    const char *name;
    void (*function)(void);
} table[] = {
    { "shares-without-unmap", shares_without_unmap },
    { "maps-over-private", maps_over_private },
    { "maps-instead-of-private", maps_instead_of_private },
    { "maps-read-only", maps_read_only },
    { "attaches-elsewhere", attaches_elsewhere },
    { "punches", punches },
    { "moves-memory", moves_memory },
    { "closes-the-vm", closes_the_vm },
    { "unbinds-without-detach", unbinds_without_detach },
    { "destroys-what-is-used", destroys_what_is_used },
    { "runs-without-attach", runs_without_attach },
    { "attaches-others", attaches_others },
    { "maps-another-vm", maps_another_vm },
    { "ignores-the-host", ignores_the_host },
    { "closes-the-device", closes_the_device },
    { "closes-iommufd", closes_iommufd },
    { "exits", exits },
    { "is-killed-locked", is_killed_locked },
    { "is-killed", is_killed },
    { "is-killed-converting", is_killed_converting },
    { "shares-its-group", shares_its_group },
};

/* All memory is private, and holds what the guest has written. */
static void prepare(char **names)
{
    vm_create(&vm);
    vm_add_vcpu(&vm);
    iommufd_open();
    ioas = ioas_alloc();
    for (int i = 0; i < 2; i++) {
        dev[i] = (Dev) { .name = names[2 * i], .bdf = names[2 * i + 1] };
        dev[i].rid = 0x100 + i * 8;
        dev_open(&dev[i], &vm, ioas);
    }
    dev_alloc_viommu(&dev[0]);
    dev_alloc_vdevice(&dev[0]);
    expect("BAR", try_slot(&vm, SLOT_BAR, BAR_GPA, BAR_SIZE,
                           (void *)dev[0].bar, -1), 0);
    expect("to private", try_convert(&vm, 0, NR_PAGES, true), 0);
    expect("map private", try_map_gmem(ioas, vm.gmem, RAM_GPA), 0);
    for (int i = 0; i < NR_PAGES; i++) {
        word[i] = 0x9e000000 | i;
        guest_access(&vm, RAM_GPA + i * PAGE, true, word[i]);
    }
    check("before anything", 0, 0);
}

int main(int argc, char **argv)
{
    for (unsigned int i = 0; argc == 6 && i < ARRAY_SIZE(table); i++) {
        if (!strcmp(argv[5], table[i].name)) {
            prepare(argv + 1);
            if (table[i].function != shares_its_group) {
                expect("HWPT", try_hwpt(&dev[0], dev[0].viommu,
                                        &dev[0].private_hwpt), 0);
            }
            table[i].function();
            return 0;
        }
    }
    if (argc == 2 && !strcmp(argv[1], "list")) {
        for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
            puts(table[i].name);
        }
        return 0;
    }
    die("usage: raw-vmm NAME BDF NAME BDF WHAT, raw-vmm list");
}
