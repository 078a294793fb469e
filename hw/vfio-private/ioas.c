/*
 * What an IOAS can do
 *
 * Whether IOMMU_IOAS_UNMAP takes a part out of a mapping cannot be asked, only
 * tried: in an IOAS of its own, with two pages that no device reaches.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <linux/iommufd-tsm.h>

#include "qapi/error.h"
#include "system/iommufd.h"
#include "mmio.h"
#include "trace.h"

#define TRY_IOVA 0x10000000

/* Changes nothing, and succeeds, if it has small IOPTEs already */
static bool ioas_small(int fd, uint32_t ioas)
{
    struct iommu_option option = {
        .size = sizeof(option),
        .option_id = IOMMU_OPTION_HUGE_PAGES,
        .op = IOMMU_OPTION_OP_SET,
        .object_id = ioas,
        .val64 = 0,
    };

    return ioctl(fd, IOMMU_OPTION, &option) == 0;
}

/* Not by the backend's wrapper, to which ENOENT is a success */
static int ioas_unmap(int fd, uint32_t ioas, uint64_t iova, uint64_t size)
{
    struct iommu_ioas_unmap unmap = {
        .size = sizeof(unmap),
        .ioas_id = ioas,
        .iova = iova,
        .length = size,
    };

    return ioctl(fd, IOMMU_IOAS_UNMAP, &unmap) ? -errno : 0;
}

/* 1: it takes a part out; 0: it does not; -EAGAIN: it could not be tried */
static int ioas_try(IOMMUFDBackend *be)
{
    uint64_t page = qemu_real_host_page_size();
    g_autofree char *pages = g_malloc0(3 * page);
    int answer = -EAGAIN;
    uint32_t ioas;

    if (!iommufd_backend_alloc_ioas(be, &ioas, NULL)) {
        return answer;
    }
    if (ioas_small(be->fd, ioas) &&
        !iommufd_backend_map_dma(be, ioas, TRY_IOVA, 2 * page,
                                 QEMU_ALIGN_PTR_UP(pages, page), true)) {
        answer = !ioas_unmap(be->fd, ioas, TRY_IOVA, page);
    }
    iommufd_backend_free_id(be, ioas);
    return answer;
}

bool vfio_private_ioas_cuts(VFIOIOMMUFDContainer *container)
{
    static int answer = -EAGAIN;
    bool cuts;

    if (answer == -EAGAIN) {
        answer = ioas_try(container->be);
    }
    cuts = answer == 1 && ioas_small(container->be->fd, container->ioas_id);
    trace_vfio_private_ioas_cuts(container->ioas_id, cuts);
    return cuts;
}

int vfio_private_ioas_unmap(VFIOIOMMUFDContainer *container, uint64_t iova,
                            uint64_t size)
{
    return ioas_unmap(container->be->fd, container->ioas_id, iova, size);
}

/*
 * Private memory
 */

int vfio_private_ioas_unmap_private(VFIOIOMMUFDContainer *container,
                                    uint64_t iova, uint64_t size)
{
    struct iommu_ioas_unmap_private unmap = {
        .size = sizeof(unmap),
        .ioas_id = container->ioas_id,
        .iova = iova,
        .length = size,
    };
    int ret = ioctl(container->be->fd, IOMMU_IOAS_UNMAP_PRIVATE, &unmap) ?
              -errno : 0;

    trace_vfio_private_ioas_unmap_private(container->ioas_id, iova, size, ret);
    return ret;
}

bool vfio_private_ioas_has_private(VFIOIOMMUFDContainer *container)
{
    /* All of nothing: QEMU has mapped nothing of the kind in a new IOAS. */
    static int answer = -EAGAIN;

    if (answer == -EAGAIN) {
        answer = vfio_private_ioas_unmap_private(container, 0, UINT64_MAX);
    }
    return !answer;
}
