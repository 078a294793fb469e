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

static bool ioas_option(int fd, uint32_t ioas, uint16_t op, uint64_t *value)
{
    struct iommu_option option = {
        .size = sizeof(option),
        .option_id = IOMMU_OPTION_HUGE_PAGES,
        .op = op,
        .object_id = ioas,
        .val64 = *value,
    };
    bool ok = ioctl(fd, IOMMU_OPTION, &option) == 0;

    *value = option.val64;
    return ok;
}

static bool ioas_small(int fd, uint32_t ioas)
{
    uint64_t huge = 0;

    return ioas_option(fd, ioas, IOMMU_OPTION_OP_SET, &huge);
}

typedef enum IOASAnswer {
    IOAS_UNKNOWN,
    IOAS_WHOLE,
    IOAS_CUTS,
} IOASAnswer;

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

static IOASAnswer ioas_try(IOMMUFDBackend *be)
{
    uint64_t page = qemu_real_host_page_size();
    g_autofree char *pages = g_malloc0(3 * page);
    IOASAnswer answer = IOAS_UNKNOWN;
    uint32_t ioas;

    if (!iommufd_backend_alloc_ioas(be, &ioas, NULL)) {
        return answer;
    }
    if (ioas_small(be->fd, ioas) &&
        !iommufd_backend_map_dma(be, ioas, TRY_IOVA, 2 * page,
                                 QEMU_ALIGN_PTR_UP(pages, page), true)) {
        answer = ioas_unmap(be->fd, ioas, TRY_IOVA, page) ? IOAS_WHOLE
                                                          : IOAS_CUTS;
    }
    iommufd_backend_free_id(be, ioas);
    return answer;
}

bool vfio_private_ioas_cuts(VFIOIOMMUFDContainer *container)
{
    static IOASAnswer kernel;
    int fd = container->be->fd;
    uint64_t huge = 1;
    bool cuts;

    if (!ioas_option(fd, container->ioas_id, IOMMU_OPTION_OP_GET, &huge)) {
        return false;
    }
    if (kernel == IOAS_UNKNOWN) {
        kernel = ioas_try(container->be);
    }
    cuts = kernel == IOAS_CUTS &&
           (!huge || ioas_small(fd, container->ioas_id));
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
