/*
 * What a TSM does for one assigned device, by way of iommufd
 *
 * Requests and responses are in memory of QEMU's own; the kernel never sees a
 * pointer into guest memory.  What they look like is in tsm-arch.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <linux/iommufd.h>
#include <linux/iommufd-tsm.h>
#include <linux/vfio.h>
#include <linux/vfio-private.h>

#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "hw/tdisp/tdisp.h"
#include "hw/vfio/vfio-device.h"
#include "hw/vfio/vfio-iommufd.h"
#include "system/iommufd.h"
#include "binding.h"
#include "trace.h"
#include "tsm-arch.h"

/**
 * struct TSMContext - one device and its objects in iommufd
 *
 * @vbasedev: the device
 * @arch: kind of the guest
 * @state: TDISP's number of what the latest operation has led to
 * @tee_io: the device says that it can be a TDI
 * @viommu_id: the vIOMMU
 * @vdevice_id: the vDEVICE; 0 if there is none, as no object has this ID
 * @rid: requester ID of @vdevice_id
 * @hwpt_id: the page table with private memory, for @vdevice_id; 0: none
 * @private_dma: the device is attached to it
 * @binds: how often @vdevice_id was bound; read in the main loop, like @unbound
 * @unbound: what that was when it was last unbound
 * @ended: which one of these the kernel has ended, by what it says.  Written in
 *     the main loop; and for a new vDEVICE
 * @veventq_id: the queue of events; 0: none
 * @veventq_fd: to read them from; only valid with @veventq_id
 * @sequence: number of the next one
 * @binding: who is told
 */
struct TSMContext {
    VFIODevice *vbasedev;
    const TSMArch *arch;
    uint32_t state;
    bool tee_io;
    uint32_t viommu_id;
    uint32_t vdevice_id;
    uint32_t rid;
    uint32_t hwpt_id;
    bool private_dma;
    uint32_t binds;
    uint32_t unbound;
    uint32_t ended;
    uint32_t veventq_id;
    int veventq_fd;
    uint32_t sequence;
    TDIBinding *binding;
};

static int tsm_ioctl(TSMContext *ctx, unsigned long request, void *arg)
{
    /* A signal for the vCPU came before anything was done. */
    int ret = RETRY_ON_EINTR(ioctl(ctx->vbasedev->iommufd->fd, request, arg));

    return ret < 0 ? -errno : ret;
}

/*
 * Objects
 */

static int tsm_alloc_viommu(TSMContext *ctx)
{
    struct iommu_viommu_alloc alloc = {
        .size = sizeof(alloc),
        .type = IOMMU_VIOMMU_TYPE_TSM,
        .dev_id = ctx->vbasedev->devid,
        .hwpt_id = ctx->vbasedev->hwpt->hwpt_id,
    };
    int ret = tsm_ioctl(ctx, IOMMU_VIOMMU_ALLOC, &alloc);

    trace_tsm_iommufd_alloc_viommu(ctx->vbasedev->name, alloc.dev_id,
                                   alloc.hwpt_id, alloc.out_viommu_id, ret);
    ctx->viommu_id = ret ? 0 : alloc.out_viommu_id;
    return ret;
}

static int tsm_alloc_vdevice(TSMContext *ctx, uint32_t rid)
{
    struct iommu_vdevice_alloc alloc = {
        .size = sizeof(alloc),
        .viommu_id = ctx->viommu_id,
        .dev_id = ctx->vbasedev->devid,
        .virt_id = rid,
    };
    int ret = tsm_ioctl(ctx, IOMMU_VDEVICE_ALLOC, &alloc);

    trace_tsm_iommufd_alloc_vdevice(ctx->vbasedev->name, ctx->viommu_id, rid,
                                    alloc.out_vdevice_id, ret);
    if (!ret) {
        ctx->vdevice_id = alloc.out_vdevice_id;
        ctx->rid = rid;
        ctx->binds = 0;
        ctx->unbound = 0;
        qatomic_set(&ctx->ended, 0);
    }
    return ret;
}

static void tsm_free_object(TSMContext *ctx, uint32_t *id)
{
    if (*id) {
        /* Traces and reports by itself. */
        iommufd_backend_free_id(ctx->vbasedev->iommufd, *id);
        *id = 0;
    }
}

TSMContext *tsm_iommufd_new(VFIODevice *vbasedev, bool tee_io,
                            const TSMArch *arch, uint32_t rid)
{
    TSMContext *ctx;
    int ret = -ENOENT;

    ctx = g_new0(TSMContext, 1);
    ctx->vbasedev = vbasedev;
    ctx->tee_io = tee_io;
    ctx->arch = arch;
    if (vbasedev->hwpt) {
        ret = tsm_alloc_viommu(ctx);
    }
    if (!ret) {
        ret = tsm_alloc_vdevice(ctx, rid);
    }
    if (ret) {
        trace_vfio_private_no_tsm(vbasedev->name, strerror(-ret));
        tsm_iommufd_free(ctx);
        return NULL;
    }
    return ctx;
}

/*
 * Events
 */

/* At a time; the rest makes the file readable once more. */
#define TSM_EVENTS 16
/* How long the main loop has to come back from poll() */
#define TSM_CLOSE_MS 1000

typedef struct TSMEvent {
    struct iommufd_vevent_header header;
    struct iommu_vevent_tsm data;
} TSMEvent;

/* One after the other in the file, without a gap */
QEMU_BUILD_BUG_ON(sizeof(TSMEvent) != sizeof(struct iommufd_vevent_header) +
                                      sizeof(struct iommu_vevent_tsm));

/* Returns true if this is news that only the device can tell more about. */
static bool tsm_take_event(TSMContext *ctx, const struct iommu_vevent_tsm *data)
{
    trace_tsm_iommufd_event(ctx->vbasedev->name, data->vdevice_id,
                            data->virt_id, data->type, data->bind);
    /* IDs are used again. */
    if (data->vdevice_id != ctx->vdevice_id || data->virt_id != ctx->rid) {
        return false;
    }
    switch (data->type) {
    case IOMMU_VEVENT_TSM_DISCONNECTED:
        /* Bound anew, it has been connected anew. */
        if ((int32_t)(data->bind - qatomic_read(&ctx->binds)) >= 0) {
            tdi_binding_disconnected(ctx->binding);
        }
        /* fall through */
    case IOMMU_VEVENT_TSM_RESET:
    case IOMMU_VEVENT_TSM_REMOVED:
        /* Whether this is the latest bind shows when nobody binds it. */
        qatomic_set(&ctx->ended, data->bind);
        return false;
    default:
        return true;
    }
}

/* Returns true if not all of it could be understood. */
static bool tsm_take_events(TSMContext *ctx, const uint8_t *buf, size_t len)
{
    bool ask = false;

    while (len >= sizeof(struct iommufd_vevent_header)) {
        TSMEvent event = {};
        bool lost;

        memcpy(&event, buf, MIN(len, sizeof(event)));
        lost = event.header.flags & IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
        if (lost || event.header.sequence != ctx->sequence) {
            trace_tsm_iommufd_lost(ctx->vbasedev->name, ctx->sequence,
                                   event.header.sequence);
            ask = true;
        }
        ctx->sequence = (event.header.sequence + 1) & INT32_MAX;
        if (lost) {
            /* A header alone */
            buf += sizeof(event.header);
            len -= sizeof(event.header);
            continue;
        }
        if (len < sizeof(event)) {
            break;
        }
        ask |= tsm_take_event(ctx, &event.data);
        buf += sizeof(event);
        len -= sizeof(event);
    }
    return ask || len;
}

/*
 * A vCPU may unplug the device while the main loop is in poll() with the file,
 * which is then open until poll() has returned, and the kernel keeps the queue
 * of an open file (EBUSY).  The main loop wakes up when it loses the handler,
 * and needs no lock to come back from poll().
 */
static void tsm_close_events(TSMContext *ctx)
{
    struct iommu_destroy destroy = {
        .size = sizeof(destroy),
        .id = ctx->veventq_id,
    };
    int tries = TSM_CLOSE_MS;
    int ret;

    close(ctx->veventq_fd);
    while ((ret = tsm_ioctl(ctx, IOMMU_DESTROY, &destroy)) == -EBUSY &&
           tries--) {
        g_usleep(1000);
    }
    trace_tsm_iommufd_close_events(ctx->vbasedev->name, ctx->veventq_id, ret);
    if (ret) {
        warn_report("vfio %s: iommufd keeps the queue of the TDI's "
                    "events: %s", ctx->vbasedev->name, strerror(-ret));
    }
}

static void tsm_stop_listening(TSMContext *ctx)
{
    if (ctx->veventq_id) {
        qemu_set_fd_handler(ctx->veventq_fd, NULL, NULL, NULL);
        tsm_close_events(ctx);
        ctx->veventq_id = 0;
    }
}

static void tsm_events_readable(void *opaque)
{
    TSMContext *ctx = opaque;
    uint8_t buf[TSM_EVENTS * sizeof(TSMEvent)];
    uint32_t ended = qatomic_read(&ctx->ended);
    ssize_t len = RETRY_ON_EINTR(read(ctx->veventq_fd, buf, sizeof(buf)));
    bool ask;

    if (len < 0 && errno != EAGAIN && errno != ENOMEM) {
        trace_tsm_iommufd_listen(ctx->vbasedev->name, ctx->veventq_id, -errno);
        tsm_stop_listening(ctx);
        return;
    }
    ask = tsm_take_events(ctx, buf, MAX(len, 0));
    if (qatomic_read(&ctx->ended) != ended) {
        tdi_binding_told(ctx->binding, TDI_REASON_HOST);
    }
    if (ask) {
        tdi_binding_told(ctx->binding, TDI_REASON_DEVICE_ERROR);
    }
}

bool tsm_iommufd_listen(TSMContext *ctx, TDIBinding *binding)
{
    struct iommu_veventq_alloc alloc = {
        .size = sizeof(alloc),
        .viommu_id = ctx->viommu_id,
        .type = IOMMU_VEVENTQ_TYPE_TSM,
        .veventq_depth = TSM_EVENTS,
    };
    int ret = tsm_ioctl(ctx, IOMMU_VEVENTQ_ALLOC, &alloc);

    trace_tsm_iommufd_listen(ctx->vbasedev->name, alloc.out_veventq_id, ret);
    if (ret) {
        return false;
    }
    ctx->veventq_id = alloc.out_veventq_id;
    ctx->veventq_fd = alloc.out_veventq_fd;
    ctx->binding = binding;
    qemu_set_fd_handler(ctx->veventq_fd, tsm_events_readable, NULL, ctx);
    return true;
}

/*
 * Does the kernel get as far as to look for the iommufd, which does not exist?
 * Then neither are the flags unknown to it, nor has somebody else the device.
 */
bool tsm_iommufd_may_bind(int fd, uint32_t flags)
{
    struct vfio_device_bind_iommufd bind = {
        .argsz = sizeof(bind),
        .flags = flags,
        .iommufd = INT_MAX,
    };

    return ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) == 0 || errno != EINVAL;
}

/*
 * Private DMA
 */

static int tsm_attach(TSMContext *ctx, uint32_t hwpt_id)
{
    struct vfio_device_attach_iommufd_pt attach = {
        .argsz = sizeof(attach),
        .pt_id = hwpt_id,
    };
    int ret = ioctl(ctx->vbasedev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) ?
              -errno : 0;

    trace_tsm_iommufd_attach(ctx->vbasedev->name, hwpt_id, ret);
    return ret;
}

static int tsm_alloc_hwpt(TSMContext *ctx)
{
    struct iommu_hwpt_alloc alloc = {
        .size = sizeof(alloc),
        .dev_id = ctx->vbasedev->devid,
        .pt_id = ctx->viommu_id,
    };
    int ret = tsm_ioctl(ctx, IOMMU_HWPT_ALLOC, &alloc);

    trace_tsm_iommufd_alloc_hwpt(ctx->vbasedev->name, ctx->viommu_id,
                                 alloc.out_hwpt_id, ret);
    if (!ret) {
        qatomic_set(&ctx->hwpt_id, alloc.out_hwpt_id);
    }
    return ret;
}

static int tsm_iommufd_enable_dma(TSMContext *ctx)
{
    int ret = ctx->hwpt_id ? 0 : tsm_alloc_hwpt(ctx);

    if (!ret) {
        ret = tsm_attach(ctx, ctx->hwpt_id);
    }
    ctx->private_dma |= !ret;
    return ret;
}

/* The two page tables have the same shared memory, so nothing else fails. */
static int tsm_iommufd_disable_dma(TSMContext *ctx)
{
    int ret = ctx->private_dma ?
              tsm_attach(ctx, ctx->vbasedev->hwpt->hwpt_id) : 0;

    ctx->private_dma &= ret != 0;
    return ret;
}

static bool tsm_iommufd_dma_bytes(TSMContext *ctx, uint64_t *bytes)
{
    struct iommu_option option = {
        .size = sizeof(option),
        .option_id = IOMMU_OPTION_PRIVATE_PAGES,
        .op = IOMMU_OPTION_OP_GET,
        .object_id = qatomic_read(&ctx->hwpt_id),
    };
    int ret = option.object_id ? tsm_ioctl(ctx, IOMMU_OPTION, &option) : 0;

    trace_tsm_iommufd_dma_bytes(ctx->vbasedev->name, option.object_id,
                                option.val64, ret);
    *bytes = option.val64 * qemu_real_host_page_size();
    return !ret;
}

void tsm_iommufd_free(TSMContext *ctx)
{
    if (!ctx) {
        return;
    }
    tsm_iommufd_disable_dma(ctx);
    tsm_free_object(ctx, &ctx->hwpt_id);
    tsm_free_object(ctx, &ctx->vdevice_id);
    tsm_stop_listening(ctx);
    tsm_free_object(ctx, &ctx->viommu_id);
    g_free(ctx);
}

/*
 * Operations
 */

static int tsm_op(TSMContext *ctx, uint32_t type)
{
    struct iommu_vdevice_tsm_op op = {
        .size = sizeof(op),
        .type = type,
        .vdevice_id = ctx->vdevice_id,
    };
    int ret;

    trace_tsm_iommufd_begin(ctx->vbasedev->name, op.vdevice_id);
    ret = tsm_ioctl(ctx, IOMMU_VDEVICE_TSM_OP, &op);
    trace_tsm_iommufd_op(ctx->vbasedev->name, op.vdevice_id, type, ret);
    return ret;
}

static int tsm_iommufd_bind(TSMContext *ctx, uint32_t rid)
{
    int ret;

    if (ctx->vdevice_id && ctx->rid != rid) {
        tsm_free_object(ctx, &ctx->hwpt_id);
        tsm_free_object(ctx, &ctx->vdevice_id);
    }
    if (!ctx->vdevice_id) {
        ret = tsm_alloc_vdevice(ctx, rid);
        if (ret) {
            return ret;
        }
    }
    ret = tsm_op(ctx, IOMMU_VDEVICE_TSM_BIND);
    if (!ret) {
        qatomic_set(&ctx->binds, ctx->binds + 1);
        ctx->state = TDISP_STATE_CONFIG_LOCKED;
    }
    return ret;
}

static int tsm_iommufd_unbind(TSMContext *ctx)
{
    int ret = ctx->vdevice_id ? tsm_op(ctx, IOMMU_VDEVICE_TSM_UNBIND) : 0;

    if (ret) {
        return ret;
    }
    qatomic_set(&ctx->unbound, ctx->binds);
    /* It reaches no private memory any more, but would once it runs again. */
    return tsm_iommufd_disable_dma(ctx);
}

static bool tsm_iommufd_ended(TSMContext *ctx)
{
    uint32_t binds = qatomic_read(&ctx->binds);

    return qatomic_read(&ctx->unbound) != binds &&
           qatomic_read(&ctx->ended) == binds;
}

/* Returns the length of the response, or -errno. */
static int64_t tsm_request(TSMContext *ctx, const TSMPayload *req, void *resp,
                           uint32_t resp_len, uint64_t *code)
{
    struct iommu_vdevice_tsm_req cmd = {
        .size = sizeof(cmd),
        .vdevice_id = ctx->vdevice_id,
        .op = req->op,
        .tvm_arch = ctx->arch->tvm_arch,
        .req_len = req->len,
        .resp_len = resp_len,
        .req_uptr = req->len ? (uintptr_t)req->data : 0,
        .resp_uptr = (uintptr_t)resp,
    };
    int ret;

    trace_tsm_iommufd_begin(ctx->vbasedev->name, cmd.vdevice_id);
    ret = tsm_ioctl(ctx, IOMMU_VDEVICE_TSM_REQ, &cmd);
    trace_tsm_iommufd_req(ctx->vbasedev->name, cmd.vdevice_id, cmd.op,
                          cmd.req_len, resp_len, cmd.tsm_code, ret);

    *code = cmd.tsm_code;
    if (ret < 0) {
        return ret;
    }
    /* What is left of the response buffer; never more than there was. */
    return ret <= resp_len ? resp_len - ret : -EIO;
}

static int tsm_iommufd_get_state(TSMContext *ctx, uint32_t *state,
                                 uint64_t *code)
{
    uint8_t resp[TSM_STATE_LEN];
    int64_t len = tsm_request(ctx, ctx->arch->ask_state, resp, sizeof(resp),
                              code);
    int ret = ctx->arch->take_state(resp, len, *code, ctx->state);

    if (ret < 0) {
        return ret;
    }
    /* What it refused may have told it. */
    *code = 0;
    *state = ret;
    return 0;
}

static int tsm_iommufd_read_report(TSMContext *ctx, GByteArray **report,
                                   uint64_t *code)
{
    /* One byte more than any report has, so that all of it arrives at once. */
    size_t size = TDI_REPORT_MAX_SIZE + 1;
    g_autofree uint8_t *data = g_malloc(size);
    int64_t len = tsm_request(ctx, ctx->arch->read_report, data, size, code);

    if (len < 0) {
        return len;
    }
    if (!len || len > TDI_REPORT_MAX_SIZE) {
        return -EIO;
    }
    *report = g_byte_array_sized_new(len);
    g_byte_array_append(*report, data, len);
    return 0;
}

static int tsm_iommufd_start(TSMContext *ctx, uint64_t *code)
{
    int64_t ret = tsm_request(ctx, ctx->arch->start, NULL, 0, code);

    if (ret >= 0) {
        ctx->state = TDISP_STATE_RUN;
    }
    return MIN(ret, 0);
}

/* A file in sysfs without the white space around it; NULL if there is none. */
static char *tsm_read_file(const char *dir, const char *name)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    char *text;

    return g_file_get_contents(path, &text, NULL, NULL) ? g_strstrip(text) :
                                                          NULL;
}

/*
 * The host's administrator connects a device to a TSM, never QEMU.  For a
 * function of a connected device, e.g. a VF, the kernel has no tsm/connect but
 * shows tsm/dsm: the function that is connected for it.
 */
static bool tsm_iommufd_look(TSMContext *ctx, char **name, TSMKind *kind)
{
    const char *sysfsdev = ctx->vbasedev->sysfsdev;
    g_autofree char *connect = NULL, *dsm = NULL, *dir = NULL;

    if (!sysfsdev) {
        /* There is no way to know; bind will tell. */
        return ctx->tee_io;
    }
    connect = tsm_read_file(sysfsdev, "tsm/connect");
    dsm = connect ? NULL : tsm_read_file(sysfsdev, "tsm/dsm");
    if (dsm) {
        dir = g_build_filename("/sys/bus/pci/devices", dsm, NULL);
        connect = tsm_read_file(dir, "tsm/connect");
    }
    if (connect && *connect) {
        *kind = tsm_kind("", connect);
        *name = g_steal_pointer(&connect);
    }
    return *name || dsm;
}

const TSMOps tsm_iommufd_ops = {
    .look = tsm_iommufd_look,
    .bind = tsm_iommufd_bind,
    .unbind = tsm_iommufd_unbind,
    .get_state = tsm_iommufd_get_state,
    .read_report = tsm_iommufd_read_report,
    .start = tsm_iommufd_start,
    .enable_dma = tsm_iommufd_enable_dma,
    .disable_dma = tsm_iommufd_disable_dma,
    .dma_bytes = tsm_iommufd_dma_bytes,
    .ended = tsm_iommufd_ended,
};
