/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-open BDF - tries to get a device that somebody else has by VFIO.
 *
 * Leaves with 0 if neither its character device nor its group gives it away.
 */
#include <dirent.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "lab.h"

static int iommufd_open(void)
{
    int fd = open("/dev/iommu", O_RDWR);

    if (fd < 0) {
        die("cannot open /dev/iommu: %s", strerror(errno));
    }
    return fd;
}

/* The name of the only vfioN below the device's folder in sysfs. */
static void cdev_path(const char *bdf, char *path, size_t size)
{
    char folder[128];
    struct dirent *entry;
    DIR *dir;

    snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
    dir = opendir(folder);
    if (!dir) {
        die("cannot open %s: %s", folder, strerror(errno));
    }
    while ((entry = readdir(dir))) {
        if (!strncmp(entry->d_name, "vfio", 4)) {
            snprintf(path, size, "/dev/vfio/devices/%s", entry->d_name);
            closedir(dir);
            return;
        }
    }
    die("%s is empty", folder);
}

static void group_path(const char *bdf, char *path, size_t size)
{
    char link[128], target[256] = "";
    const char *name;

    snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", bdf);
    if (readlink(link, target, sizeof(target) - 1) < 0) {
        die("cannot read %s: %s", link, strerror(errno));
    }
    name = strrchr(target, '/');
    snprintf(path, size, "/dev/vfio/%s", name ? name + 1 : target);
}

/* To open the character device is free; to bind it is what counts. */
static bool cdev_refused(const char *path)
{
    struct vfio_device_bind_iommufd bind = {
        .argsz = sizeof(bind),
        .iommufd = iommufd_open(),
    };
    int fd = open(path, O_RDWR);

    return fd < 0 || ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) < 0;
}

int main(int argc, char **argv)
{
    char path[300];

    if (argc != 2) {
        die("usage: vfio-open BDF");
    }
    cdev_path(argv[1], path, sizeof(path));
    if (!cdev_refused(path)) {
        die("%s can be bound a second time", path);
    }
    group_path(argv[1], path, sizeof(path));
    if (open(path, O_RDWR) >= 0) {
        die("%s can be opened beside the character device", path);
    }
    return 0;
}
