/*
 * tdi-host-check: the checks of a device that have to open it
 *
 * The device is bound to an iommufd just as QEMU does it, and let go.  VFIO
 * resets it on the way, which is of no consequence while nobody uses it; a
 * device that somebody uses cannot be opened.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <linux/vfio-private.h>
#include "tdi-host-check.h"

#define HOST_PREPARE "tdi-host-check --prepare %s"

static char *host_prepare_remedy(HostCheck *hc)
{
    return g_strdup_printf(HOST_PREPARE, hc->bdf);
}

static bool host_check_driver(HostCheck *hc)
{
    g_autofree char *driver = host_link_name(hc, "/sys/bus/pci/devices/%s/"
                                             "driver", hc->bdf);
    bool vfio = host_exists(hc, "/sys/bus/pci/devices/%s/vfio-dev", hc->bdf);

    if (!driver) {
        host_add(hc, "driver", true, HOST_FAIL, host_prepare_remedy(hc),
                 "no driver is bound, it has to be vfio-pci");
    } else if (!strcmp(driver, "vfio-pci")) {
        host_add(hc, "driver", true, HOST_PASS, NULL, "vfio-pci");
    } else if (vfio) {
        host_add(hc, "driver", true, HOST_WARN, host_prepare_remedy(hc),
                 "%s, which may not support private bindings", driver);
    } else {
        host_add(hc, "driver", true, HOST_FAIL, host_prepare_remedy(hc),
                 "%s uses the device, it has to be vfio-pci", driver);
    }
    return driver && (vfio || !strcmp(driver, "vfio-pci"));
}

static int host_check_cdev(HostCheck *hc)
{
    g_autoptr(GPtrArray) names = host_list(hc, "/sys/bus/pci/devices/%s/"
                                           "vfio-dev", hc->bdf);
    g_autofree char *path = NULL;
    int fd;

    if (!names->len) {
        host_add(hc, "vfio-cdev", true, HOST_FAIL,
                 g_strdup("enable CONFIG_VFIO_DEVICE_CDEV in the host kernel"),
                 "vfio-pci has made no character device");
        return -1;
    }
    path = g_strdup_printf("/dev/vfio/devices/%s", (char *)names->pdata[0]);
    fd = host_open(hc, path);
    if (fd < 0) {
        host_add(hc, "vfio-cdev", true, HOST_FAIL,
                 host_open_remedy(-fd, path, "start udev, or make the node by "
                                  "hand"),
                 "%s cannot be opened: %s", path, strerror(-fd));
    } else {
        host_add(hc, "vfio-cdev", true, HOST_PASS, NULL, "%s", path);
    }
    return fd;
}

static int host_vfio_bind(HostCheck *hc, int fd, int iommufd, uint32_t flags)
{
    struct vfio_device_bind_iommufd bind = {
        .argsz = sizeof(bind),
        .flags = flags,
        .iommufd = iommufd,
    };

    return hc->ops->ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
}

/* Memory BARs that the kernel does not call private, once it is bound so. */
static char *host_bars_not_private(HostCheck *hc, const PCIFacts *facts, int fd)
{
    GString *list = g_string_new("");
    int i;

    for (i = 0; i < HOST_CHECK_BARS; i++) {
        struct vfio_region_info info = {
            .argsz = sizeof(info),
            .index = VFIO_PCI_BAR0_REGION_INDEX + i,
        };

        /*
         * A BAR below a page stays an ordinary one; another check is about it.
         */
        if (facts->bar_flags[i] & HOST_BAR_MEM &&
            (hc->ops->ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info) ||
             (info.size >= qemu_real_host_page_size() &&
              info.flags != VFIO_REGION_INFO_FLAG_PRIVATE))) {
            g_string_append_printf(list, "%s%d", list->len ? ", " : "", i);
        }
    }
    return g_string_free(list, false);
}

/* Returns: true if the device is bound now, privately or not. */
static bool host_check_bind(HostCheck *hc, const PCIFacts *facts, int fd,
                            int iommufd)
{
    int ret = host_vfio_bind(hc, fd, iommufd, VFIO_DEVICE_BIND_FLAG_PRIVATE);
    g_autofree char *bars = NULL;
    int plain;

    if (!ret) {
        bars = host_bars_not_private(hc, facts, fd);
        if (!*bars) {
            host_add(hc, "private-bind", true, HOST_PASS, NULL,
                     "the kernel keeps user space from the BARs");
        } else {
            host_add(hc, "private-bind", true, HOST_FAIL,
                     g_strdup("this device works with private=off only"),
                     "the kernel cannot export BAR %s", bars);
        }
        return true;
    }
    plain = ret == -EINVAL || ret == -EOPNOTSUPP ?
            host_vfio_bind(hc, fd, iommufd, 0) : ret;
    if (plain == -EINVAL) {
        host_add(hc, "private-bind", true, HOST_WARN,
                 g_strdup("end the QEMU that uses the device"),
                 "not checked: the device is in use");
    } else if (plain) {
        host_add(hc, "private-bind", true, HOST_FAIL,
                 g_strdup("see check iommu-group, and dmesg"),
                 "the device cannot be bound to an iommufd: %s",
                 strerror(-plain));
    } else if (ret == -EOPNOTSUPP) {
        host_add(hc, "private-bind", true, HOST_FAIL, host_prepare_remedy(hc),
                 "the driver does not know private bindings");
    } else {
        host_add(hc, "private-bind", true, HOST_FAIL,
                 g_strdup("boot a host kernel with patches-kernel/ applied"),
                 "the kernel refuses VFIO_DEVICE_BIND_FLAG_PRIVATE");
    }
    return !plain;
}

static void host_check_dmabuf(HostCheck *hc, int fd)
{
    struct vfio_device_feature feature = {
        .argsz = sizeof(feature),
        .flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
                 VFIO_DEVICE_FEATURE_DMA_BUF,
    };
    int ret = hc->ops->ioctl(fd, VFIO_DEVICE_FEATURE, &feature);

    if (!ret) {
        host_add(hc, "dma-buf", true, HOST_PASS, NULL,
                 "the kernel exports BARs as file descriptors");
    } else {
        host_add(hc, "dma-buf", true, HOST_FAIL,
                 g_strdup("enable CONFIG_VFIO_PCI_DMABUF in the host kernel; "
                          "the device must be able to do peer-to-peer DMA"),
                 "the kernel does not export BARs: %s", strerror(-ret));
    }
}

/* DMA, to nothing: an address space without a mapping. */
static void host_check_dma(HostCheck *hc, int fd, int iommufd)
{
    struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
    struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
    int ret = hc->ops->ioctl(iommufd, IOMMU_IOAS_ALLOC, &ioas);

    if (!ret) {
        attach.pt_id = ioas.out_ioas_id;
        ret = hc->ops->ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
    }
    if (!ret) {
        host_add(hc, "dma", true, HOST_PASS, NULL,
                 "the IOMMU takes the device");
    } else {
        host_add(hc, "dma", true, HOST_FAIL,
                 g_strdup(ret == -EPERM ? "enable interrupt remapping in the "
                          "firmware (intremap=on)" : "see dmesg"),
                 "the device cannot be attached to an address space: %s",
                 strerror(-ret));
    }
}

static const char *const host_open_checks[] = {
    "vfio-cdev", "private-bind", "dma-buf", "dma",
};

static void host_not_checked(HostCheck *hc, unsigned int from, const char *why)
{
    unsigned int i;

    for (i = from; i < ARRAY_SIZE(host_open_checks); i++) {
        host_add(hc, host_open_checks[i], true, HOST_WARN, NULL,
                 "not checked: %s", why);
    }
}

void host_check_vfio(HostCheck *hc, const PCIFacts *facts)
{
    int fd, iommufd;

    if (!host_check_driver(hc)) {
        host_not_checked(hc, 0, "the driver is not vfio-pci");
        return;
    }
    fd = host_check_cdev(hc);
    if (fd < 0) {
        host_not_checked(hc, 1, "the device cannot be opened");
        return;
    }
    iommufd = host_open(hc, "/dev/iommu");
    if (iommufd < 0) {
        host_not_checked(hc, 1, "there is no /dev/iommu");
    } else if (host_check_bind(hc, facts, fd, iommufd)) {
        host_check_dmabuf(hc, fd);
        host_check_dma(hc, fd, iommufd);
    } else {
        host_not_checked(hc, 2, "the device cannot be bound");
    }
    /* The device goes first, as long as its iommufd is there. */
    hc->ops->close(fd);
    if (iommufd >= 0) {
        hc->ops->close(iommufd);
    }
}
