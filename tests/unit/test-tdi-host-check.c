/*
 * Unit tests of tdi-host-check: everything that can be wrong with a host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/kvm-tdcm.h>
#include <linux/vfio-private.h>
#include "qemu/bitops.h"
#include "host-check-fake.h"

#define DRIVERS "../../../../bus/pci/drivers/"

static void test_all_pass(void)
{
    HostCheck *hc = fake_setup(FAKE_BDF);
    unsigned int i;

    fake_run(hc);
    for (i = 0; i < hc->results->len; i++) {
        const HostResult *result = g_ptr_array_index(hc->results, i);

        if (result->verdict != HOST_PASS) {
            g_error("%s: %s", result->check, result->text);
        }
        g_assert_null(result->remedy);
    }
    g_assert_cmpuint(hc->results->len, ==, 24);
    g_assert_cmpint(host_exit_status(hc->results, true), ==, 0);
    fake_teardown(hc);
}

static void no_virt(void)
{
    fake_put("/proc/cpuinfo", "flags : fpu\n");
}

static void no_tee(void)
{
    fake_put("/proc/cpuinfo", "flags : fpu svm\n");
}

static void no_kvm(void)
{
    fake_del("/dev/kvm");
}

static void kvm_forbidden(void)
{
    fake.no_open = "/dev/kvm";
    fake.no_open_errno = EACCES;
}

static void only_sw_protected(void)
{
    fake.vm_types = BIT(KVM_X86_SW_PROTECTED_VM);
}

static void only_snp(void)
{
    fake_put("/proc/cpuinfo", "flags : svm sev_snp\n");
    fake.vm_types = BIT(KVM_X86_DEFAULT_VM) | BIT(KVM_X86_SNP_VM);
}

static void no_attributes(void)
{
    fake.attributes = 0;
}

static void no_guest_memfd(void)
{
    fake.guest_memfd = 0;
}

static void no_slots(void)
{
    fake.dmabuf_slots = KVM_MEM_READONLY;
}

static void no_map_gpa_range(void)
{
    fake.hypercalls = BIT(KVM_HC_TDCM);
}

static void no_tdcm(void)
{
    fake.hypercalls = BIT(KVM_HC_MAP_GPA_RANGE);
}

static void no_iommu(void)
{
    fake_del("/sys/class/iommu");
}

static void no_iommufd(void)
{
    fake_del("/dev/iommu");
}

static void no_tsm_ioctl(void)
{
    fake.tsm_op = -ENOTTY;
}

static void no_vfio(void)
{
    fake_del("/sys/bus/pci/drivers/vfio-pci");
}

static void small_memlock(void)
{
    fake_put("/proc/self/status", "CapEff:\t0000000000000000\n");
    fake_put("/proc/self/limits",
             "Max locked memory         8388608              8388608   bytes\n");
}

static void no_tsm(void)
{
    fake_del("/sys/class/tsm");
}

static void soft_tsm(void)
{
    fake_put_link("/sys/class/tsm/tsm0/device",
                  "../../../devices/faux/soft_tsm");
}

static void guest_tsm_only(void)
{
    fake_put_link("/sys/class/tsm/tsm0/device",
                  "../../../devices/faux/soft_devsec");
}

static void second_tsm(void)
{
    guest_tsm_only();
    fake_put_link("/sys/class/tsm/tsm1/device/driver",
                  "../../../../bus/pci/drivers/ccp");
}

static void no_device(void)
{
    fake_del(FAKE_DEV "/class");
}

static void bridge(void)
{
    fake_put(FAKE_DEV "/class", "0x060400\n");
}

static void vga_quirk(void)
{
    uint8_t config[256] = { 0xde, 0x10 };

    fake_put(FAKE_DEV "/class", "0x030000\n");
    fake_put_bytes(FAKE_DEV "/config", config, sizeof(config));
}

static void shared_group(void)
{
    fake_put("/sys/kernel/iommu_groups/7/devices/" FAKE_OTHER_BDF, "");
    fake_put(FAKE_OTHER "/class", "0x020000\n");
    fake_put_link(FAKE_OTHER "/driver", DRIVERS "e1000e");
}

static void shared_group_unused(void)
{
    fake_put("/sys/kernel/iommu_groups/7/devices/" FAKE_OTHER_BDF, "");
    fake_put(FAKE_OTHER "/class", "0x020000\n");
}

static void group_with_bridge(void)
{
    fake_put("/sys/kernel/iommu_groups/7/devices/" FAKE_OTHER_BDF, "");
    fake_put(FAKE_OTHER "/class", "0x060400\n");
    fake_put_link(FAKE_OTHER "/driver", DRIVERS "pcieport");
}

static void no_group(void)
{
    fake_del(FAKE_DEV "/iommu_group");
}

static void own_driver(void)
{
    fake_put_link(FAKE_DEV "/driver", DRIVERS "nvme");
    fake_del(FAKE_DEV "/vfio-dev");
}

static void variant_driver(void)
{
    fake_put_link(FAKE_DEV "/driver", DRIVERS "mlx5_vfio_pci");
    fake.private_bind = -EOPNOTSUPP;
}

static void no_cdev(void)
{
    fake_del(FAKE_DEV "/vfio-dev");
}

static void cdev_forbidden(void)
{
    fake.no_open = "/vfio3";
    fake.no_open_errno = EACCES;
}

static void stock_kernel(void)
{
    fake.private_bind = -EINVAL;
}

static void in_use(void)
{
    fake.private_bind = -EINVAL;
    fake.plain_bind = -EINVAL;
}

static void group_busy(void)
{
    fake.private_bind = -EBUSY;
}

static void not_exportable(void)
{
    fake.region_flags = VFIO_REGION_INFO_FLAG_READ;
}

/* Below a page, BARs stay as they were; "bar" has something to say of them. */
static void small_region(void)
{
    fake.region_flags = VFIO_REGION_INFO_FLAG_READ |
                        VFIO_REGION_INFO_FLAG_WRITE;
    fake.region_size = 0x800;
}

static void no_dmabuf(void)
{
    fake.feature = -ENOTTY;
}

static void no_interrupt_remapping(void)
{
    fake.attach = -EPERM;
}

static void no_tee_io(void)
{
    fake_put_config(0x2000, 0x3000, false, false);
}

static void no_doe(void)
{
    fake_put_config(0x2000, 0x3000, true, false);
}

static void not_root(void)
{
    uint8_t config[64] = { 0x36, 0x1b };

    fake_put_bytes(FAKE_DEV "/config", config, sizeof(config));
}

static void not_connected(void)
{
    fake_put(FAKE_DEV "/tsm/connect", "\n");
}

static void unknown_to_tsm(void)
{
    fake_del(FAKE_DEV "/tsm");
}

static void small_bar(void)
{
    fake_put(FAKE_DEV "/resource",
             "0x00000000fe000000 0x00000000fe0007ff 0x0000000000040200\n");
}

static void unset_bar(void)
{
    fake_put(FAKE_DEV "/resource",
             "0x0000000000000000 0x000000000000ffff 0x0000000020040200\n");
}

static void no_bar(void)
{
    fake_put(FAKE_DEV "/resource",
             "0x000000000000c000 0x000000000000c0ff 0x0000000000040101\n");
}

static void table_shares_page(void)
{
    fake_put_config(0x2800, 0x3000, true, true);
}

static void pba_in_page_of_table(void)
{
    fake_put_config(0x2000, 0x2800, true, true);
}

static void table_elsewhere(void)
{
    fake_put_config(0x2004, 0x3004, true, true);
}

typedef struct Breakage {
    const char *name;
    void (*make)(void);
    const char *check;
    HostVerdict verdict;
    const char *text;
    const char *remedy;
} Breakage;

static const Breakage breakages[] = {
    { "no-virt", no_virt, "cpu", HOST_WARN, "neither VMX nor SVM", "VMX" },
    { "no-tee", no_tee, "cpu", HOST_WARN, "found: none", "TDX" },
    { "no-kvm", no_kvm, "kvm", HOST_FAIL, "No such file", "modprobe" },
    { "kvm-forbidden", kvm_forbidden, "kvm", HOST_FAIL, "denied", "as root" },
    { "only-sw", only_sw_protected, "vm-types", HOST_WARN,
      "no confidentiality", "kvm_intel tdx=1" },
    { "only-snp", only_snp, "vm-types", HOST_FAIL, "ordinary, SEV-SNP",
      "fd-bars=on" },
    { "no-attributes", no_attributes, "private-memory", HOST_FAIL,
      "attribute", "CONFIG_" },
    { "no-guest-memfd", no_guest_memfd, "private-memory", HOST_FAIL,
      "guest_memfd", "CONFIG_" },
    { "no-slots", no_slots, "kvm-dmabuf", HOST_FAIL, "KVM_CAP_VFIO_DMABUF",
      "patches-kernel/" },
    { "no-map-gpa-range", no_map_gpa_range, "kvm-convert", HOST_FAIL,
      "KVM_HC_MAP_GPA_RANGE", "kernel" },
    { "no-tdcm", no_tdcm, "kvm-tdcm", HOST_WARN, "KVM_HC_TDCM",
      "patches-kernel/" },
    { "no-iommu", no_iommu, "iommu", HOST_FAIL, "no IOMMU", "firmware" },
    { "no-iommufd", no_iommufd, "iommufd", HOST_FAIL, "/dev/iommu",
      "modprobe iommufd" },
    { "no-iommufd-device", no_iommufd, "private-bind", HOST_WARN,
      "no /dev/iommu", NULL },
    { "no-tsm-ioctl", no_tsm_ioctl, "iommufd-tsm", HOST_WARN,
      "IOMMU_VDEVICE_TSM_OP", "patches-kernel/" },
    { "no-vfio", no_vfio, "vfio-pci", HOST_FAIL, "no driver",
      "modprobe vfio-pci" },
    { "small-memlock", small_memlock, "memlock", HOST_WARN, "8 MiB",
      "ulimit -l" },
    { "no-tsm", no_tsm, "tsm", HOST_WARN, "no TSM", "driver" },
    { "soft-tsm", soft_tsm, "tsm", HOST_WARN, "kind software: it protects "
      "nothing", "development" },
    { "guest-tsm-only", guest_tsm_only, "tsm", HOST_WARN, "no TSM", "driver" },
    { "second-tsm", second_tsm, "tsm", HOST_PASS, "tsm1, kind sev", NULL },
    { "no-device", no_device, "device", HOST_FAIL, "no such device", "ls" },
    { "bridge", bridge, "device", HOST_FAIL, "is a bridge", "below" },
    { "quirk", vga_quirk, "device", HOST_FAIL, "quirk", "private=off" },
    { "shared-group", shared_group, "iommu-group", HOST_FAIL,
      "shared with 0000:01:00.1", "unbind 0000:01:00.1" },
    { "shared-group-unused", shared_group_unused, "iommu-group", HOST_WARN,
      "which no driver uses", "same guest" },
    { "group-with-bridge", group_with_bridge, "iommu-group", HOST_PASS,
      "alone in group 7", NULL },
    { "no-group", no_group, "iommu-group", HOST_FAIL, "no IOMMU group",
      "iommu" },
    { "own-driver", own_driver, "driver", HOST_FAIL, "nvme uses the device",
      "--prepare " FAKE_BDF },
    { "own-driver-bind", own_driver, "private-bind", HOST_WARN, "not checked",
      NULL },
    { "variant-driver", variant_driver, "driver", HOST_WARN, "mlx5_vfio_pci",
      "--prepare" },
    { "variant-driver-bind", variant_driver, "private-bind", HOST_FAIL,
      "does not know", "--prepare" },
    { "no-cdev", no_cdev, "vfio-cdev", HOST_FAIL, "no character device",
      "CONFIG_VFIO_DEVICE_CDEV" },
    { "cdev-forbidden", cdev_forbidden, "vfio-cdev", HOST_FAIL, "denied",
      "read and write /dev/vfio/devices/vfio3" },
    { "stock-kernel", stock_kernel, "private-bind", HOST_FAIL,
      "VFIO_DEVICE_BIND_FLAG_PRIVATE", "patches-kernel/" },
    { "stock-kernel-dmabuf", stock_kernel, "dma-buf", HOST_PASS, "exports",
      NULL },
    { "in-use", in_use, "private-bind", HOST_WARN, "in use", "QEMU" },
    { "group-busy", group_busy, "private-bind", HOST_FAIL, "busy",
      "iommu-group" },
    { "not-exportable", not_exportable, "private-bind", HOST_FAIL, "BAR 0",
      "private=off" },
    { "no-dmabuf", no_dmabuf, "dma-buf", HOST_FAIL, "does not export",
      "CONFIG_VFIO_PCI_DMABUF" },
    { "no-intremap", no_interrupt_remapping, "dma", HOST_FAIL, "attached",
      "interrupt remapping" },
    { "no-tee-io", no_tee_io, "tee-io", HOST_WARN, "TEE-IO bit", "TEE-I/O" },
    { "no-tee-io-doe", no_tee_io, "doe", HOST_WARN, "no DOE", NULL },
    { "no-doe", no_doe, "doe", HOST_FAIL, "no DOE", "firmware" },
    { "not-root", not_root, "tee-io", HOST_WARN, "not checked", "root" },
    { "not-root-bar", not_root, "bar", HOST_WARN, "not checked", "root" },
    { "not-root-doe", not_root, "doe", HOST_WARN, "not checked", "root" },
    { "not-connected", not_connected, "tsm-connect", HOST_FAIL,
      "not connected", "echo tsm0 > " FAKE_DEV "/tsm/connect" },
    { "unknown-to-tsm", unknown_to_tsm, "tsm-connect", HOST_WARN,
      "does not know", "function 0" },
    { "small-region", small_region, "private-bind", HOST_PASS, "keeps user",
      NULL },
    { "small-bar", small_bar, "bar", HOST_FAIL, "0x800 bytes: it is smaller "
      "than a page", "private=off" },
    { "unset-bar", unset_bar, "bar", HOST_FAIL, "no address", "private=off" },
    { "no-bar", no_bar, "bar", HOST_FAIL, "no memory BAR", "another" },
    { "bar-slices", NULL, "bar", HOST_PASS,
      "BAR 0, 0x10000 bytes: 2 slices, 0x2000-0x3fff is emulated", NULL },
    { "table-shares-page", table_shares_page, "bar", HOST_WARN,
      "0x2000-0x3fff", "misses registers" },
    { "pba-in-page-of-table", pba_in_page_of_table, "bar", HOST_PASS,
      "0x2000-0x2fff", NULL },
    { "table-elsewhere", table_elsewhere, "bar", HOST_PASS, "one slice",
      NULL },
};

static void test_breakage(const void *data)
{
    const Breakage *breakage = data;
    HostCheck *hc = fake_setup(FAKE_BDF);
    const HostResult *result;

    if (breakage->make) {
        breakage->make();
    }
    fake_run(hc);
    result = fake_find(hc, breakage->check);
    g_assert_cmpint(result->verdict, ==, breakage->verdict);
    g_assert_nonnull(strstr(result->text, breakage->text));
    if (breakage->remedy) {
        g_assert_nonnull(result->remedy);
        g_assert_nonnull(strstr(result->remedy, breakage->remedy));
    } else {
        g_assert_null(result->remedy);
    }
    g_assert_cmpint(host_exit_status(hc->results, false), ==,
                    host_count(hc->results, HOST_FAIL) ? 1 : 0);
    if (breakage->verdict == HOST_FAIL) {
        g_assert_cmpint(host_exit_status(hc->results, true), ==, 1);
    } else if (!host_count(hc->results, HOST_FAIL) &&
               breakage->verdict == HOST_WARN) {
        g_assert_cmpint(host_exit_status(hc->results, true), ==, 3);
    }
    fake_teardown(hc);
}

int main(int argc, char **argv)
{
    unsigned int i;

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tdi-host-check/all-pass", test_all_pass);
    for (i = 0; i < ARRAY_SIZE(breakages); i++) {
        g_autofree char *path = g_strconcat("/tdi-host-check/",
                                            breakages[i].name, NULL);

        g_test_add_data_func(path, &breakages[i], test_breakage);
    }
    test_output_register();
    return g_test_run();
}
