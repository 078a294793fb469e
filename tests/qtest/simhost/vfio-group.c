/*
 * A simulated host for QEMU: VFIO's groups and containers
 *
 * The way to the device without iommufd: one group, SIM_GROUP_NR, that has the
 * one device, and a container with a type1 IOMMU.  It keeps nothing of
 * mappings; the test reads the calls in the log, which have the names
 * of iommufd's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "host.h"

static int sim_group_status(int fd, void *arg)
{
    ((struct vfio_group_status *)arg)->flags = VFIO_GROUP_FLAGS_VIABLE;
    return 0;
}

static int sim_group_device(int fd, void *arg)
{
    return sim_new_fd(SIM_VFIO, "vfio-device", 0);
}

static const SimCall group_calls[] = {
    { VFIO_GROUP_GET_STATUS, NULL, sim_group_status },
    { VFIO_GROUP_SET_CONTAINER, "SET_CONTAINER" },
    { VFIO_GROUP_UNSET_CONTAINER, "UNSET_CONTAINER" },
    { VFIO_GROUP_GET_DEVICE_FD, "GET_DEVICE_FD", sim_group_device },
    { }
};

const SimCalls sim_group_calls = { group_calls, -ENOTTY };

static int sim_container_version(int fd, void *arg)
{
    return VFIO_API_VERSION;
}

static int sim_container_extension(int fd, void *arg)
{
    return (uintptr_t)arg == VFIO_TYPE1v2_IOMMU;
}

static int sim_container_info(int fd, void *arg)
{
    struct vfio_iommu_type1_info *info = arg;

    info->flags = VFIO_IOMMU_INFO_PGSIZES;
    info->iova_pgsizes = 4096;
    return 0;
}

static const SimCall container_calls[] = {
    { VFIO_GET_API_VERSION, NULL, sim_container_version },
    { VFIO_CHECK_EXTENSION, NULL, sim_container_extension },
    { VFIO_SET_IOMMU, "SET_IOMMU" },
    { VFIO_IOMMU_GET_INFO, NULL, sim_container_info },
    { VFIO_IOMMU_MAP_DMA, "MAP", NULL,
      { SIM_ARG(vfio_iommu_type1_dma_map, iova),
        SIM_ARG(vfio_iommu_type1_dma_map, size) } },
    { VFIO_IOMMU_UNMAP_DMA, "UNMAP", NULL,
      { SIM_ARG(vfio_iommu_type1_dma_unmap, iova),
        SIM_ARG(vfio_iommu_type1_dma_unmap, size) } },
    { }
};

const SimCalls sim_container_calls = { container_calls, -ENOTTY };
