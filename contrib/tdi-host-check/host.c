/*
 * tdi-host-check: the checks of the host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd.h>
#include <linux/iommufd-tsm.h>
#include "qemu/bitops.h"
#include "qemu/units.h"
#include "hw/vfio-private/tsm.h"
#include "tdi-host-check.h"

#define HOST_CAP_IPC_LOCK 14

/* The first "flags" line of /proc/cpuinfo, with a space at both ends. */
static char *host_cpu_flags(HostCheck *hc)
{
    g_autofree char *text = host_read(hc, "/proc/cpuinfo");
    g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);
    int i;

    for (i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "flags")) {
            return g_strconcat(strchr(lines[i], ':') ?: "", " ", NULL);
        }
    }
    return g_strdup("");
}

static const struct {
    const char *flag;
    const char *name;
} host_cpu_features[] = {
    { " tdx_host_platform ", "TDX" },
    { " sev_snp ", "SEV-SNP" },
    { " sev_es ", "SEV-ES" },
    { " sev ", "SEV" },
};

static void host_check_cpu(HostCheck *hc, const char *flags)
{
    bool virt = strstr(flags, " vmx ") || strstr(flags, " svm ");
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autofree char *list = NULL;
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(host_cpu_features); i++) {
        if (strstr(flags, host_cpu_features[i].flag)) {
            g_ptr_array_add(names, (char *)host_cpu_features[i].name);
        }
    }
    list = host_join(names, "none");
    if (!virt) {
        /* If that is a lie, check kvm tells. */
        host_add(hc, "cpu", false, HOST_WARN,
                 g_strdup("enable VMX or SVM in the firmware; in a virtual "
                          "machine, enable nested virtualization"),
                 "the CPU shows neither VMX nor SVM");
    } else if (strstr(flags, " tdx_host_platform ")) {
        host_add(hc, "cpu", false, HOST_PASS, NULL,
                 "virtualization, confidential guests: %s", list);
    } else {
        host_add(hc, "cpu", false, HOST_WARN,
                 g_strdup("use a machine with TDX, and enable it in its "
                          "firmware"),
                 "virtualization, but no confidential guests that private=on "
                 "supports (found: %s)", list);
    }
}

static void host_check_iommu(HostCheck *hc)
{
    g_autoptr(GPtrArray) iommus = host_list(hc, "/sys/class/iommu");
    g_autofree char *list = host_join(iommus, "none");

    if (iommus->len) {
        host_add(hc, "iommu", false, HOST_PASS, NULL, "%s", list);
    } else {
        host_add(hc, "iommu", false, HOST_FAIL,
                 g_strdup("enable the IOMMU (VT-d, AMD-Vi) in the firmware; "
                          "on Intel also boot with intel_iommu=on"),
                 "the kernel uses no IOMMU");
    }
}

/* An ioctl that the kernel does not know ends before it is looked at. */
static void host_check_iommufd_tsm(HostCheck *hc, int fd)
{
    struct iommu_vdevice_tsm_op op = {
        .size = sizeof(op),
        .type = IOMMU_VDEVICE_TSM_UNBIND,
        .vdevice_id = UINT32_MAX,
    };
    int ret = hc->ops->ioctl(fd, IOMMU_VDEVICE_TSM_OP, &op);

    if (ret == -ENOENT) {
        host_add(hc, "iommufd-tsm", false, HOST_PASS, NULL,
                 "iommufd can bind devices by a TSM");
    } else {
        host_add(hc, "iommufd-tsm", false, HOST_WARN,
                 g_strdup("boot a host kernel with patches-kernel/ applied"),
                 "iommufd cannot bind devices (IOMMU_VDEVICE_TSM_OP: %s): a "
                 "guest cannot lock a device",
                 ret ? strerror(-ret) : "unexpected success");
    }
}

static void host_check_iommufd(HostCheck *hc)
{
    int fd = host_open(hc, "/dev/iommu");

    if (fd < 0) {
        host_add(hc, "iommufd", false, HOST_FAIL,
                 host_open_remedy(-fd, "/dev/iommu", "modprobe iommufd; the "
                                  "kernel needs CONFIG_IOMMUFD"),
                 "/dev/iommu cannot be opened: %s", strerror(-fd));
        return;
    }
    host_add(hc, "iommufd", false, HOST_PASS, NULL, "/dev/iommu works");
    host_check_iommufd_tsm(hc, fd);
    hc->ops->close(fd);
}

static void host_check_vfio_driver(HostCheck *hc)
{
    if (host_exists(hc, "/sys/bus/pci/drivers/vfio-pci")) {
        host_add(hc, "vfio-pci", false, HOST_PASS, NULL,
                 "the driver is there");
    } else {
        host_add(hc, "vfio-pci", false, HOST_FAIL,
                 g_strdup("modprobe vfio-pci; the kernel needs "
                          "CONFIG_VFIO_PCI"),
                 "the kernel has no driver vfio-pci");
    }
}

static bool host_may_lock_all(HostCheck *hc)
{
    g_autofree char *status = host_read(hc, "/proc/self/status");
    const char *line = status ? strstr(status, "CapEff:") : NULL;
    uint64_t caps;

    return line && sscanf(line, "CapEff: %" SCNx64, &caps) == 1 &&
           caps & BIT_ULL(HOST_CAP_IPC_LOCK);
}

/* iommufd pins what it maps for DMA, and counts it. */
static void host_check_memlock(HostCheck *hc)
{
    g_autofree char *limits = host_read(hc, "/proc/self/limits");
    const char *line = limits ? strstr(limits, "Max locked memory") : NULL;
    uint64_t bytes;

    if (host_may_lock_all(hc)) {
        host_add(hc, "memlock", false, HOST_PASS, NULL,
                 "this user may lock all memory (CAP_IPC_LOCK)");
    } else if (!line || sscanf(line, "Max locked memory %" SCNu64,
                               &bytes) != 1) {
        host_add(hc, "memlock", false, line ? HOST_PASS : HOST_WARN, NULL,
                 line ? "unlimited" : "the limit cannot be read");
    } else {
        host_add(hc, "memlock", false, HOST_WARN,
                 g_strdup("give QEMU's user a limit of the guest's RAM, its "
                          "BARs and some MiB more (ulimit -l, LimitMEMLOCK=)"),
                 "%" PRIu64 " MiB: a guest with more RAM gets no DMA",
                 bytes / MiB);
    }
}

static void host_check_tsm(HostCheck *hc)
{
    g_autoptr(GPtrArray) tsms = host_tsm_names(hc);
    unsigned int i;

    for (i = 0; i < tsms->len; i++) {
        const char *name = g_ptr_array_index(tsms, i);
        TSMKind kind = tsm_kind(hc->root, name);

        if (kind == TSM_KIND_SOFTWARE) {
            host_add(hc, "tsm", false, HOST_WARN,
                     g_strdup("use it for development only"),
                     "%s, kind software: it protects nothing", name);
        } else {
            host_add(hc, "tsm", false, HOST_PASS, NULL, "%s, kind %s", name,
                     TSMKind_str(kind));
        }
    }
    if (!tsms->len) {
        host_add(hc, "tsm", false, HOST_WARN,
                 g_strdup("load the driver of the platform's TSM; for "
                          "development: modprobe soft-tsm"),
                 "the kernel has no TSM: a guest cannot lock a device");
    }
}

void host_check_host(HostCheck *hc)
{
    g_autofree char *flags = host_cpu_flags(hc);

    host_check_cpu(hc, flags);
    host_check_kvm(hc, flags);
    host_check_iommu(hc);
    host_check_iommufd(hc);
    host_check_vfio_driver(hc);
    host_check_memlock(hc);
    host_check_tsm(hc);
}
