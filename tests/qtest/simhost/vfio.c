/*
 * A simulated host for QEMU: one VFIO device
 *
 * It is bound privately, or its BARs can be used as ever; the test looks at the
 * log for which.  BAR 0 has MSI-X in its middle, BAR 2 is memory.  It has a
 * ROM, which nobody can read while it is bound as a TDI.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <linux/vfio-private.h>
#include "host.h"

#define SIM_REGION_SHIFT 40
#define SIM_CONFIG_SIZE 4096
#define SIM_MSIX_VECTORS 4

static bool bound_private;

static uint64_t sim_region_size(uint32_t index)
{
    switch (index) {
    case VFIO_PCI_BAR0_REGION_INDEX:
        return SIM_BAR0_SIZE;
    case VFIO_PCI_BAR2_REGION_INDEX:
        return SIM_BAR2_SIZE;
    case VFIO_PCI_ROM_REGION_INDEX:
        return SIM_ROM_SIZE;
    case VFIO_PCI_CONFIG_REGION_INDEX:
        return SIM_CONFIG_SIZE;
    default:
        return 0;
    }
}

static int sim_vfio_bind(int fd, void *arg)
{
    struct vfio_device_bind_iommufd *bind = arg;

    if (bind->iommufd < 0 || bind->flags & ~(VFIO_DEVICE_BIND_FLAG_PRIVATE |
                                             VFIO_DEVICE_BIND_FLAG_TOKEN) ||
        (sim->no_private_bind && bind->flags & VFIO_DEVICE_BIND_FLAG_PRIVATE)) {
        return -EINVAL;
    }
    if (bind->flags & VFIO_DEVICE_BIND_FLAG_TOKEN) {
        if (sim->no_vf_token) {
            return -EINVAL;
        }
        memcpy(sim->vf_token, (void *)(uintptr_t)bind->token_uuid_ptr,
               sizeof(sim->vf_token));
    }
    if (sim_kind(bind->iommufd) != SIM_IOMMUFD) {
        return -EBADF;
    }
    bound_private = bind->flags & VFIO_DEVICE_BIND_FLAG_PRIVATE;
    bind->out_devid = sim_iommufd_device();
    return 0;
}

static int sim_vfio_attach(int fd, void *arg)
{
    return sim_iommufd_attach(((struct vfio_device_attach_iommufd_pt *)
                               arg)->pt_id);
}

static int sim_vfio_detach(int fd, void *arg)
{
    sim_iommufd_detach();
    return 0;
}

static int sim_vfio_info(int fd, void *arg)
{
    struct vfio_device_info *info = arg;

    info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
    info->num_regions = VFIO_PCI_NUM_REGIONS;
    info->num_irqs = VFIO_PCI_NUM_IRQS;
    return 0;
}

static int sim_vfio_region(int fd, void *arg)
{
    struct vfio_region_info *info = arg;
    bool bar = info->index < VFIO_PCI_ROM_REGION_INDEX;

    if (info->index >= VFIO_PCI_NUM_REGIONS) {
        return -EINVAL;
    }
    if (info->index == VFIO_PCI_ROM_REGION_INDEX && sim_tsm_bound()) {
        return -EBUSY;
    }
    info->size = sim_region_size(info->index);
    info->offset = (uint64_t)info->index << SIM_REGION_SHIFT;
    info->cap_offset = 0;
    info->flags = !info->size ? 0 :
                  bar && bound_private ? VFIO_REGION_INFO_FLAG_PRIVATE :
                  VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
                  (bar ? VFIO_REGION_INFO_FLAG_MMAP : 0);
    return 0;
}

static int sim_vfio_irq(int fd, void *arg)
{
    struct vfio_irq_info *info = arg;

    info->flags = VFIO_IRQ_INFO_EVENTFD;
    switch (info->index) {
    case VFIO_PCI_MSIX_IRQ_INDEX:
        info->count = SIM_MSIX_VECTORS;
        return 0;
    case VFIO_PCI_ERR_IRQ_INDEX:
    case VFIO_PCI_REQ_IRQ_INDEX:
        info->count = 1;
        return 0;
    default:
        info->count = 0;
        return info->index < VFIO_PCI_NUM_IRQS ? 0 : -EINVAL;
    }
}

static const char *sim_vfio_feature_name(void *arg)
{
    struct vfio_device_feature *feature = arg;

    return (feature->flags & VFIO_DEVICE_FEATURE_MASK) ==
           VFIO_DEVICE_FEATURE_DMA_BUF ? "DMA_BUF" : "FEATURE";
}

static int sim_vfio_feature(int fd, void *arg)
{
    struct vfio_device_feature *feature = arg;
    struct vfio_device_feature_dma_buf *get = (void *)feature->data;
    struct vfio_region_dma_range *range = get->dma_ranges;

    if (feature->flags !=
        (VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF)) {
        return -ENOTTY;
    }
    if (get->region_index > VFIO_PCI_BAR5_REGION_INDEX ||
        /* What QEMU starts has no business with it. */
        get->open_flags != (O_RDWR | O_CLOEXEC) ||
        get->nr_ranges != 1 || get->flags || !range->length ||
        ((range->offset | range->length) & 4095) ||
        range->offset + range->length > sim_region_size(get->region_index)) {
        return -EINVAL;
    }
    return sim_new_fd(SIM_DMABUF, "dma-buf", range->length);
}

/* The kernel refuses to reset a device that is bound as a TDI. */
static int sim_vfio_reset(int fd, void *arg)
{
    return sim_config_reset();
}

/* Where in struct vfio_device_feature the first range is */
#define SIM_DMA_BUF(field)                                          \
    { sizeof(struct vfio_device_feature) +                          \
      offsetof(struct vfio_device_feature_dma_buf, field),          \
      sizeof_field(struct vfio_device_feature_dma_buf, field) }
#define SIM_DMA_RANGE(field)                                        \
    { sizeof(struct vfio_device_feature) +                          \
      sizeof(struct vfio_device_feature_dma_buf) +                  \
      offsetof(struct vfio_region_dma_range, field), 8 }

static const SimCall vfio_calls[] = {
    { VFIO_DEVICE_BIND_IOMMUFD, "BIND_IOMMUFD", sim_vfio_bind,
      { SIM_ARG(vfio_device_bind_iommufd, flags),
        SIM_ARG(vfio_device_bind_iommufd, out_devid) } },
    { VFIO_DEVICE_ATTACH_IOMMUFD_PT, "ATTACH_IOMMUFD", sim_vfio_attach,
      { SIM_ARG(vfio_device_attach_iommufd_pt, pt_id) } },
    { VFIO_DEVICE_DETACH_IOMMUFD_PT, "DETACH_IOMMUFD", sim_vfio_detach },
    { VFIO_DEVICE_GET_INFO, NULL, sim_vfio_info },
    { VFIO_DEVICE_GET_REGION_INFO, NULL, sim_vfio_region },
    { VFIO_DEVICE_GET_IRQ_INFO, NULL, sim_vfio_irq },
    { VFIO_DEVICE_SET_IRQS, "SET_IRQS", NULL,
      { SIM_ARG(vfio_irq_set, index), SIM_ARG(vfio_irq_set, count) } },
    { VFIO_DEVICE_RESET, "RESET", sim_vfio_reset },
    { VFIO_DEVICE_FEATURE, NULL, sim_vfio_feature,
      { SIM_DMA_BUF(region_index), SIM_DMA_RANGE(offset),
        SIM_DMA_RANGE(length) }, sim_vfio_feature_name, .argsz = true },
    { }
};

const SimCalls sim_vfio_calls = { vfio_calls, -ENOTTY };

static ssize_t sim_rom_read(void *buf, size_t size, off_t offset)
{
    static const uint8_t rom[SIM_ROM_SIZE] = { 0x55, 0xaa, 1 };

    if (sim_tsm_bound()) {
        return -EBUSY;
    }
    if (offset < 0 || offset >= SIM_ROM_SIZE) {
        return -EINVAL;
    }
    size = MIN(size, SIM_ROM_SIZE - offset);
    memcpy(buf, rom + offset, size);
    return size;
}

/* Access to a BAR is refused, and the test sees that QEMU tried. */
static ssize_t sim_vfio_access(void *buf, size_t size, off_t offset, bool write)
{
    unsigned int region = offset >> SIM_REGION_SHIFT;
    SimEvent *event;
    ssize_t ret;

    sim_lock();
    event = sim_log(write ? "write" : "read");
    event->args[0] = region;
    event->args[1] = offset & ((1ULL << SIM_REGION_SHIFT) - 1);
    event->args[2] = size;
    if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
        ret = sim_config_access(buf, size, event->args[1], write);
    } else if (region == VFIO_PCI_ROM_REGION_INDEX && !write) {
        ret = sim_rom_read(buf, size, event->args[1]);
    } else {
        ret = -EIO;
    }
    sim_log_done(event, ret);
    sim_unlock();
    return ret;
}

ssize_t sim_vfio_read(void *buf, size_t size, off_t offset)
{
    return sim_vfio_access(buf, size, offset, false);
}

ssize_t sim_vfio_write(const void *buf, size_t size, off_t offset)
{
    return sim_vfio_access((void *)buf, size, offset, true);
}
