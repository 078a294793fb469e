/*
 * Unit tests of tdi-host-check: a host made of files, with devices that answer
 * as the test wants
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <linux/iommufd.h>
#include <linux/iommufd-tsm.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <linux/kvm-tdcm.h>
#include <linux/vfio-private.h>
#include "standard-headers/linux/pci_regs.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "host-check-fake.h"

#define FAKE_FD 100
#define FAKE_VM 101

FakeHost fake;

static const char *root;
static GPtrArray *removed;

static int fake_open(const char *path, int flags)
{
    if (fake.no_open && g_str_has_suffix(path, fake.no_open)) {
        return -fake.no_open_errno;
    }
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        return -ENOENT;
    }
    fake.open_files++;
    return FAKE_FD;
}

static void fake_close(int fd)
{
    fake.open_files--;
}

static int fake_check_extension(int fd, unsigned long cap)
{
    switch (cap) {
    case KVM_CAP_VM_TYPES:
        return fake.vm_types;
    case KVM_CAP_MEMORY_ATTRIBUTES:
        return fake.attributes;
    case KVM_CAP_GUEST_MEMFD:
        return fake.guest_memfd;
    case KVM_CAP_VFIO_DMABUF:
        return fake.dmabuf_slots;
    case KVM_CAP_EXIT_HYPERCALL:
        return fd == FAKE_VM ? fake.hypercalls :
                               fake.hypercalls & ~BIT(KVM_HC_TDCM);
    default:
        g_assert_not_reached();
    }
}

static int fake_bind(struct vfio_device_bind_iommufd *bind)
{
    int ret = bind->flags ? fake.private_bind : fake.plain_bind;

    g_assert_false(fake.bound);
    fake.bound = !ret;
    return ret;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return KVM_API_VERSION;
    case KVM_CREATE_VM:
        if (!(fake.vm_types & BIT((uintptr_t)arg))) {
            return -EINVAL;
        }
        fake.open_files++;
        return FAKE_VM;
    case KVM_CHECK_EXTENSION:
        return fake_check_extension(fd, (uintptr_t)arg);
    case IOMMU_VDEVICE_TSM_OP:
        return fake.tsm_op;
    case IOMMU_IOAS_ALLOC:
        return 0;
    case VFIO_DEVICE_BIND_IOMMUFD:
        return fake_bind(arg);
    case VFIO_DEVICE_GET_REGION_INFO:
        ((struct vfio_region_info *)arg)->flags = fake.region_flags;
        ((struct vfio_region_info *)arg)->size = fake.region_size;
        return 0;
    case VFIO_DEVICE_FEATURE:
        return fake.bound ? fake.feature : -EINVAL;
    case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
        return fake.bound ? fake.attach : -EINVAL;
    default:
        g_assert_not_reached();
    }
}

static const HostOps fake_ops = {
    .open = fake_open,
    .ioctl = fake_ioctl,
    .close = fake_close,
};

/* Files */

void fake_put_bytes(const char *path, const void *data, size_t len)
{
    g_autofree char *full = g_strconcat(root, path, NULL);
    g_autofree char *dir = g_path_get_dirname(full);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, data, len, NULL));
}

void fake_put(const char *path, const char *text)
{
    fake_put_bytes(path, text, strlen(text));
}

void fake_put_link(const char *path, const char *target)
{
    g_autofree char *full = g_strconcat(root, path, NULL);
    g_autofree char *dir = g_path_get_dirname(full);

    g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
    unlink(full);
    g_assert_cmpint(symlink(target, full), ==, 0);
}

void fake_del(const char *path)
{
    g_autofree char *full = g_strconcat(root, path, NULL);
    g_autofree char *old = g_strdup_printf("%s/gone%u", root, removed->len);

    g_assert_cmpint(rename(full, old), ==, 0);
    g_ptr_array_add(removed, g_steal_pointer(&old));
}

/* A 64 KiB BAR, its MSI-X table at @table and PBA at @pba; TEE-IO; DOE. */
void fake_put_config(uint32_t table, uint32_t pba, bool tee_io, bool doe)
{
    uint8_t config[PCI_CONFIG_MAX] = {};

    stw_le_p(config + PCI_VENDOR_ID, 0x1b36);
    stw_le_p(config + PCI_DEVICE_ID, 0x0010);
    stw_le_p(config + PCI_STATUS, PCI_STATUS_CAP_LIST);
    config[PCI_CAPABILITY_LIST] = 0x40;
    config[0x40] = PCI_CAP_ID_MSIX;
    config[0x41] = 0x60;
    stw_le_p(config + 0x42, 15);
    stl_le_p(config + 0x44, table);
    stl_le_p(config + 0x48, pba);
    config[0x60] = PCI_CAP_ID_EXP;
    stl_le_p(config + 0x64, tee_io ? 1u << 30 : 0);
    stl_le_p(config + 0x100, (doe ? PCI_EXT_CAP_ID_DOE : 1) | 1 << 16);
    fake_put_bytes(FAKE_DEV "/config", config, sizeof(config));
}

static void put_host(void)
{
    fake_put("/proc/cpuinfo",
             "vendor_id : GenuineIntel\n"
             "flags : fpu vmx tdx_host_platform\n");
    fake_put("/proc/self/status", "Name: x\nCapEff:\t0000000000004000\n");
    fake_put("/dev/kvm", "");
    fake_put("/dev/iommu", "");
    fake_put("/sys/class/iommu/dmar0/x", "");
    fake_put("/sys/bus/pci/drivers/vfio-pci/x", "");
    fake_put_link("/sys/class/tsm/tsm0/device",
                  "../../../devices/faux/tdx_host");
}

static void put_device(void)
{
    fake_put(FAKE_DEV "/class", "0x010802\n");
    fake_put(FAKE_DEV "/resource",
             "0x00000000fe000000 0x00000000fe00ffff 0x0000000000140204\n"
             "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
    fake_put_config(0x2000, 0x3000, true, true);
    fake_put("/sys/kernel/iommu_groups/7/devices/" FAKE_BDF, "");
    fake_put_link(FAKE_DEV "/iommu_group", "../../../../kernel/iommu_groups/7");
    fake_put_link(FAKE_DEV "/driver", "../../../../bus/pci/drivers/vfio-pci");
    fake_put(FAKE_DEV "/vfio-dev/vfio3/x", "");
    fake_put("/dev/vfio/devices/vfio3", "");
    fake_put(FAKE_DEV "/tsm/connect", "tsm0\n");
}

HostCheck *fake_setup(const char *bdf)
{
    HostCheck *hc = g_new0(HostCheck, 1);

    root = g_dir_make_tmp("tdi-host-check-XXXXXX", NULL);
    removed = g_ptr_array_new_with_free_func(g_free);
    put_host();
    put_device();
    memset(&fake, 0, sizeof(fake));
    fake.vm_types = BIT(KVM_X86_DEFAULT_VM) | BIT(KVM_X86_SW_PROTECTED_VM) |
                    BIT(KVM_X86_TDX_VM);
    fake.attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE;
    fake.guest_memfd = 1;
    fake.dmabuf_slots = KVM_MEM_VFIO_DMABUF;
    fake.hypercalls = BIT(KVM_HC_MAP_GPA_RANGE) | BIT(KVM_HC_TDCM);
    fake.tsm_op = -ENOENT;
    fake.region_flags = VFIO_REGION_INFO_FLAG_PRIVATE;
    fake.region_size = 0x10000;
    hc->root = root;
    hc->ops = &fake_ops;
    hc->bdf = bdf;
    hc->results = host_results_new();
    return hc;
}

static void remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL :
                g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_tree(below);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_assert_cmpint(g_remove(path), ==, 0);
}

void fake_teardown(HostCheck *hc)
{
    g_assert_cmpint(fake.open_files, ==, 0);
    remove_tree(root);
    g_free((char *)root);
    g_ptr_array_free(removed, true);
    g_ptr_array_free(hc->results, true);
    g_free(hc);
}

void fake_run(HostCheck *hc)
{
    host_check_host(hc);
    if (hc->bdf) {
        host_check_device(hc);
    }
}

const HostResult *fake_find(HostCheck *hc, const char *check)
{
    unsigned int i;

    for (i = 0; i < hc->results->len; i++) {
        const HostResult *result = g_ptr_array_index(hc->results, i);

        if (!strcmp(result->check, check)) {
            return result;
        }
    }
    g_error("no check %s", check);
}
