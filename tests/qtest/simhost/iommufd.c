/*
 * A simulated host for QEMU: iommufd
 *
 * Objects hold their parents: what is in use cannot be destroyed.  Mappings do
 * not overlap, and are unmapped as they were mapped, or not at all, unless the
 * IOAS was made so that they can be cut.  Those of a guest_memfd are apart from
 * them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/syscall.h>
#include <linux/iommufd.h>
#include <linux/iommufd-tsm.h>
#include "hw/tdisp/tdisp.h"
#include "host.h"

#define SIM_OBJECTS 256
#define SIM_MAPS 4096

typedef enum SimObject {
    SIM_NONE,
    SIM_DEVICE,
    SIM_IOAS,
    SIM_HWPT,
    SIM_VIOMMU,
    SIM_VDEVICE,
    SIM_VEVENTQ,
} SimObject;

/* IDs are never used twice; ID 0 is none. */
static struct {
    SimObject type;
    uint32_t parent;
    bool cuts;
} objects[SIM_OBJECTS];
static uint32_t nr_objects = 1;

/* Who has it open keeps the queue of events. */
static int veventq_fd = -1;

/* @file: cannot be cut; @private: of a guest_memfd */
static struct {
    uint32_t ioas;
    uint64_t iova;
    uint64_t size;
    bool file;
    bool private;
} maps[SIM_MAPS];

static void sim_map_forget(int i)
{
    maps[i].size = 0;
    if (maps[i].private) {
        sim->nr_private_maps--;
    } else {
        sim->nr_maps--;
    }
}

static int sim_object_new(SimObject type, uint32_t parent, SimObject wanted,
                          uint32_t *id)
{
    if (wanted && (parent >= nr_objects || objects[parent].type != wanted)) {
        return -ENOENT;
    }
    if (nr_objects == SIM_OBJECTS) {
        return -ENOMEM;
    }
    objects[nr_objects].type = type;
    objects[nr_objects].parent = parent;
    objects[nr_objects].cuts = false;
    sim->nr_objects++;
    *id = nr_objects++;
    return 0;
}

static void sim_object_free(uint32_t id)
{
    objects[id].type = SIM_NONE;
    sim->nr_objects--;
}

static void sim_iommufd_unmap_all(uint32_t ioas)
{
    int i;

    for (i = 0; i < SIM_MAPS; i++) {
        if (maps[i].size && maps[i].ioas == ioas) {
            sim_map_forget(i);
        }
    }
}

void sim_iommufd_device_gone(void)
{
    uint32_t i;

    sim->attached = 0;
    for (i = 1; i < nr_objects; i++) {
        if (objects[i].type == SIM_DEVICE) {
            sim_object_free(i);
        }
    }
}

uint32_t sim_iommufd_device(void)
{
    uint32_t id = 0;

    sim_object_new(SIM_DEVICE, 0, SIM_NONE, &id);
    return id;
}

int sim_iommufd_attach(uint32_t pt_id)
{
    if (pt_id >= nr_objects || objects[pt_id].type != SIM_HWPT) {
        return -ENOENT;
    }
    if (pt_id == sim->private_hwpt && !sim_tsm_bound()) {
        return -ENXIO;
    }
    sim->attached = pt_id;
    return 0;
}

void sim_iommufd_detach(void)
{
    sim->attached = 0;
}

bool sim_iommufd_is_vdevice(uint32_t id)
{
    return id < nr_objects && objects[id].type == SIM_VDEVICE;
}

/* Its number may be that of another file by now. */
static bool sim_veventq_open(void)
{
    struct stat events, now;

    return !fstat(SIM_EVENTQ_FD, &events) && !fstat(veventq_fd, &now) &&
           events.st_dev == now.st_dev && events.st_ino == now.st_ino;
}

bool sim_iommufd_is_veventq(int fd)
{
    return fd == veventq_fd && sim_veventq_open();
}

static int sim_iommufd_destroy(int fd, void *arg)
{
    uint32_t id = ((struct iommu_destroy *)arg)->id;
    uint32_t i;

    if (!id || id >= nr_objects || !objects[id].type) {
        return -ENOENT;
    }
    for (i = 1; i < nr_objects; i++) {
        if (objects[i].type && objects[i].parent == id) {
            return -EBUSY;
        }
    }
    if (id == sim->attached || objects[id].type == SIM_DEVICE) {
        return -EBUSY;
    }
    if (objects[id].type == SIM_VEVENTQ) {
        if (sim_veventq_open()) {
            return -EBUSY;
        }
        if (sim->polled) {
            sim->polled--;
            return -EBUSY;
        }
    }
    if (id == sim->private_hwpt) {
        sim->private_hwpt = 0;
    }
    if (objects[id].type == SIM_VDEVICE) {
        sim_tsm_forget();
    }
    if (objects[id].type == SIM_IOAS) {
        sim_iommufd_unmap_all(id);
    }
    sim_object_free(id);
    return 0;
}

static int sim_iommufd_ioas(int fd, void *arg)
{
    return sim_object_new(SIM_IOAS, 0, SIM_NONE,
                          &((struct iommu_ioas_alloc *)arg)->out_ioas_id);
}

static int sim_iommufd_hwpt(int fd, void *arg)
{
    struct iommu_hwpt_alloc *alloc = arg;
    uint32_t parent = alloc->pt_id;

    if (parent < nr_objects && objects[parent].type == SIM_VIOMMU) {
        /* There is one device. */
        int ret = sim->private_hwpt ? -EEXIST :
                  sim->no_private_dma ? -EINVAL :
                  sim_object_new(SIM_HWPT, parent, SIM_VIOMMU,
                                 &alloc->out_hwpt_id);

        if (!ret) {
            sim->private_hwpt = alloc->out_hwpt_id;
        }
        return ret;
    }
    return sim_object_new(SIM_HWPT, alloc->pt_id, SIM_IOAS,
                          &alloc->out_hwpt_id);
}

static int sim_iommufd_viommu(int fd, void *arg)
{
    struct iommu_viommu_alloc *alloc = arg;

    if (alloc->type != IOMMU_VIOMMU_TYPE_TSM) {
        return -EOPNOTSUPP;
    }
    return sim_object_new(SIM_VIOMMU, alloc->hwpt_id, SIM_HWPT,
                          &alloc->out_viommu_id);
}

static int sim_iommufd_vdevice(int fd, void *arg)
{
    struct iommu_vdevice_alloc *alloc = arg;
    int ret = sim_object_new(SIM_VDEVICE, alloc->viommu_id, SIM_VIOMMU,
                             &alloc->out_vdevice_id);

    if (!ret) {
        sim->vdevice_id = alloc->out_vdevice_id;
        sim->virt_id = alloc->virt_id;
        sim->binds = 0;
    }
    return ret;
}

/* What can be read of it is what the test has written. */
static int sim_iommufd_veventq(int fd, void *arg)
{
    struct iommu_veventq_alloc *alloc = arg;
    int events, ret;

    if (alloc->type != IOMMU_VEVENTQ_TYPE_TSM || !alloc->veventq_depth) {
        return -EINVAL;
    }
    events = syscall(SYS_fcntl, SIM_EVENTQ_FD, F_DUPFD_CLOEXEC, 0);
    if (events < 0) {
        return -errno;
    }
    ret = sim_object_new(SIM_VEVENTQ, alloc->viommu_id, SIM_VIOMMU,
                         &alloc->out_veventq_id);
    if (ret) {
        syscall(SYS_close, events);
        return ret;
    }
    alloc->out_veventq_fd = events;
    veventq_fd = events;
    return 0;
}

static int sim_iommufd_ranges(int fd, void *arg)
{
    struct iommu_ioas_iova_ranges *info = arg;
    struct iommu_iova_range *range =
        (struct iommu_iova_range *)(uintptr_t)info->allowed_iovas;

    info->out_iova_alignment = 4096;
    if (!info->num_iovas) {
        info->num_iovas = 1;
        return -EMSGSIZE;
    }
    range->start = 0;
    range->last = (1ULL << 57) - 1;
    return 0;
}

static bool sim_is_ioas(uint32_t id)
{
    return id < nr_objects && objects[id].type == SIM_IOAS;
}

/* As if all of it was private. */
static uint64_t sim_private_pages(uint32_t hwpt)
{
    uint64_t pages = 0;
    int i;

    for (i = 0; i < SIM_MAPS; i++) {
        if (maps[i].size && maps[i].private) {
            pages += maps[i].size / 4096;
        }
    }
    return sim->attached == hwpt && !sim->lost_memory &&
           sim->tdi_state == TDISP_STATE_RUN ? pages : 0;
}

/* As the kernel: not once devices may use larger IOPTEs. */
static int sim_iommufd_option(int fd, void *arg)
{
    struct iommu_option *option = arg;
    int i;

    if (option->option_id == IOMMU_OPTION_PRIVATE_PAGES) {
        if (!sim->private_hwpt || option->object_id != sim->private_hwpt) {
            return -EINVAL;
        }
        option->val64 = sim_private_pages(option->object_id);
        return 0;
    }
    if (option->option_id != IOMMU_OPTION_HUGE_PAGES) {
        return -EOPNOTSUPP;
    }
    if (!sim_is_ioas(option->object_id)) {
        return -ENOENT;
    }
    if (option->op == IOMMU_OPTION_OP_GET) {
        option->val64 = !objects[option->object_id].cuts;
        return 0;
    }
    for (i = 0; i < SIM_MAPS && !objects[option->object_id].cuts; i++) {
        if (sim->attached && maps[i].size &&
            maps[i].ioas == option->object_id) {
            return -EINVAL;
        }
    }
    objects[option->object_id].cuts = !option->val64;
    return 0;
}

static int sim_iommufd_map_range(uint32_t ioas, uint64_t iova, uint64_t size,
                                 bool file, bool private)
{
    int i, slot = -1;

    if (!sim_is_ioas(ioas)) {
        return -ENOENT;
    }
    if (!size || ((iova | size) & 4095)) {
        return -EINVAL;
    }
    for (i = 0; i < SIM_MAPS; i++) {
        if (!maps[i].size) {
            slot = i;
        } else if (maps[i].ioas == ioas && maps[i].private == private &&
                   iova < maps[i].iova + maps[i].size &&
                   maps[i].iova < iova + size) {
            return -EEXIST;
        }
    }
    if (slot < 0) {
        return -ENOMEM;
    }
    maps[slot].ioas = ioas;
    maps[slot].iova = iova;
    maps[slot].size = size;
    maps[slot].file = file;
    maps[slot].private = private;
    if (private) {
        sim->nr_private_maps++;
    } else {
        sim->nr_maps++;
    }
    return 0;
}

static int sim_iommufd_map(int fd, void *arg)
{
    struct iommu_ioas_map *map = arg;

    return sim_iommufd_map_range(map->ioas_id, map->iova, map->length, false,
                                 false);
}

static int sim_iommufd_map_file(int fd, void *arg)
{
    struct iommu_ioas_map_file *map = arg;

    SimKind kind = sim_kind(map->fd);

    if (kind != SIM_OTHER &&
        map->start + map->length > sim_fd_size(map->fd)) {
        return -EINVAL;
    }
    if (kind == SIM_GUEST_MEMFD && sim->no_private_dma) {
        return -EINVAL;
    }
    return sim_iommufd_map_range(map->ioas_id, map->iova, map->length,
                                 kind == SIM_DMABUF, kind == SIM_GUEST_MEMFD);
}

static const char *sim_iommufd_map_name(void *arg)
{
    struct iommu_ioas_map_file *map = arg;

    return sim_kind(map->fd) == SIM_GUEST_MEMFD ? "PRIVATE_MAP" : "MAP_FILE";
}

/* Let a mapping end before @at, if there is one that goes on there. */
static void sim_iommufd_cut(uint32_t ioas, uint64_t at)
{
    int i;

    for (i = 0; i < SIM_MAPS; i++) {
        uint64_t end = maps[i].iova + maps[i].size;

        if (maps[i].size && maps[i].ioas == ioas && !maps[i].file &&
            !maps[i].private && maps[i].iova < at && at < end) {
            maps[i].size = at - maps[i].iova;
            sim_iommufd_map_range(ioas, at, end - at, false, false);
            return;
        }
    }
}

static int sim_iommufd_unmap(int fd, void *arg)
{
    struct iommu_ioas_unmap *unmap = arg;
    uint32_t ioas = unmap->ioas_id;
    uint64_t last = unmap->iova + unmap->length - 1;
    uint64_t done = 0;
    int i;

    if (sim_is_ioas(ioas) && objects[ioas].cuts && !sim->no_cuts) {
        sim_iommufd_cut(ioas, unmap->iova);
        sim_iommufd_cut(ioas, last + 1);
    }
    for (i = 0; i < SIM_MAPS; i++) {
        uint64_t end = maps[i].iova + maps[i].size - 1;

        if (!maps[i].size || maps[i].ioas != ioas || maps[i].private ||
            maps[i].iova > last || end < unmap->iova) {
            continue;
        }
        if (maps[i].iova < unmap->iova || end > last) {
            return -ENOENT;
        }
        done += maps[i].size;
        sim_map_forget(i);
    }
    unmap->length = done;
    return done ? 0 : -ENOENT;
}

static int sim_iommufd_unmap_private(int fd, void *arg)
{
    struct iommu_ioas_unmap_private *unmap = arg;
    uint64_t last = unmap->iova + unmap->length - 1;
    uint64_t done = 0;
    int i;

    if (sim->no_private_dma) {
        return -ENOTTY;
    }
    for (i = 0; i < SIM_MAPS; i++) {
        uint64_t end = maps[i].iova + maps[i].size - 1;

        if (maps[i].size && maps[i].private &&
            maps[i].ioas == unmap->ioas_id && maps[i].iova >= unmap->iova &&
            end <= last) {
            done += maps[i].size;
            sim_map_forget(i);
        }
    }
    if (!done && unmap->length != UINT64_MAX) {
        return -ENOENT;
    }
    unmap->length = done;
    return 0;
}

static const SimCall iommufd_calls[] = {
    { IOMMU_DESTROY, "DESTROY", sim_iommufd_destroy,
      { SIM_ARG(iommu_destroy, id) } },
    { IOMMU_IOAS_ALLOC, "IOAS_ALLOC", sim_iommufd_ioas,
      { SIM_ARG(iommu_ioas_alloc, out_ioas_id) } },
    { IOMMU_IOAS_IOVA_RANGES, NULL, sim_iommufd_ranges },
    { IOMMU_OPTION, "OPTION", sim_iommufd_option,
      { SIM_ARG(iommu_option, op), SIM_ARG(iommu_option, val64),
        SIM_ARG(iommu_option, object_id) } },
    { IOMMU_IOAS_MAP, "MAP", sim_iommufd_map,
      { SIM_ARG(iommu_ioas_map, iova), SIM_ARG(iommu_ioas_map, length),
        SIM_ARG(iommu_ioas_map, ioas_id),
        SIM_ARG(iommu_ioas_map, user_va),
        SIM_ARG(iommu_ioas_map, flags) } },
    { IOMMU_IOAS_MAP_FILE, NULL, sim_iommufd_map_file,
      { SIM_ARG(iommu_ioas_map_file, iova),
        SIM_ARG(iommu_ioas_map_file, length),
        SIM_ARG(iommu_ioas_map_file, fd),
        SIM_ARG(iommu_ioas_map_file, start),
        SIM_ARG(iommu_ioas_map_file, flags) }, sim_iommufd_map_name },
    { IOMMU_IOAS_UNMAP, "UNMAP", sim_iommufd_unmap,
      { SIM_ARG(iommu_ioas_unmap, iova), SIM_ARG(iommu_ioas_unmap, length),
        SIM_ARG(iommu_ioas_unmap, ioas_id) } },
    { IOMMU_IOAS_UNMAP_PRIVATE, "PRIVATE_UNMAP", sim_iommufd_unmap_private,
      { SIM_ARG(iommu_ioas_unmap_private, iova),
        SIM_ARG(iommu_ioas_unmap_private, length),
        SIM_ARG(iommu_ioas_unmap_private, ioas_id) } },
    { IOMMU_HWPT_ALLOC, "HWPT_ALLOC", sim_iommufd_hwpt,
      { SIM_ARG(iommu_hwpt_alloc, out_hwpt_id),
        SIM_ARG(iommu_hwpt_alloc, pt_id) } },
    { IOMMU_GET_HW_INFO, NULL, NULL },
    { IOMMU_IOAS_CHANGE_PROCESS, NULL, NULL },
    { IOMMU_VIOMMU_ALLOC, "VIOMMU_ALLOC", sim_iommufd_viommu,
      { SIM_ARG(iommu_viommu_alloc, type),
        SIM_ARG(iommu_viommu_alloc, out_viommu_id) } },
    { IOMMU_VDEVICE_ALLOC, "VDEVICE_ALLOC", sim_iommufd_vdevice,
      { SIM_ARG(iommu_vdevice_alloc, virt_id),
        SIM_ARG(iommu_vdevice_alloc, out_vdevice_id) } },
    { IOMMU_VEVENTQ_ALLOC, "VEVENTQ_ALLOC", sim_iommufd_veventq,
      { SIM_ARG(iommu_veventq_alloc, type),
        SIM_ARG(iommu_veventq_alloc, viommu_id) } },
    { IOMMU_VDEVICE_TSM_OP, NULL, sim_tsm_op,
      { SIM_ARG(iommu_vdevice_tsm_op, vdevice_id),
        SIM_ARG(iommu_vdevice_tsm_op, flags) }, sim_tsm_op_name },
    { IOMMU_VDEVICE_TSM_REQ, NULL, sim_tsm_req,
      { SIM_ARG(iommu_vdevice_tsm_req, vdevice_id),
        SIM_ARG(iommu_vdevice_tsm_req, tvm_arch),
        SIM_ARG(iommu_vdevice_tsm_req, req_len),
        SIM_ARG(iommu_vdevice_tsm_req, resp_len) }, sim_tsm_req_name },
    { }
};

const SimCalls sim_iommufd_calls = { iommufd_calls, -ENOTTY };
