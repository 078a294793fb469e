/*
 * QTest of private device assignment on a simulated host: refused setups
 *
 * What cannot work together, in whatever order it comes: QEMU ends, or
 * device_add fails, with one line that has the object, the reason and the
 * remedy.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <cpuid.h>
#include <linux/kvm.h>
#include "qobject/qdict.h"
#include "vfio-private-sim.h"

#define VIOMMU \
    "does not work with a virtual IOMMU in a confidential guest: pages that " \
    "turn private would stay mapped; remove the virtual IOMMU"
#define IN_USE \
    "vfio dev0: private=on cannot have the device, it is in use by another " \
    "process: end that one"
#define VIRTIO_MEM \
    "virtio-mem cannot use memory with guest_memfd, which a confidential " \
    "guest has: use pc-dimm"
#define READ_ONLY \
    "memory of a confidential guest cannot be read-only: use rom=off with " \
    "share=off"
#define MEM1 "-m size=4M,slots=1,maxmem=1G " \
    "-object memory-backend-ram,id=m1,size=128M "

typedef struct RefusedCase {
    const char *name;
    const char *text;       /* how the line ends */
    const char *cpu;
    const char *properties;
    const char *before;
    const char *after;
    const char *call;       /* that fails always */
    int err;
} RefusedCase;

/* For a software-protected VM and a TDX guest */
static const RefusedCase refused[] = {
    { "intel-iommu", VIOMMU, .before = "-device intel-iommu" },
    { "intel-iommu-last", VIOMMU, .after = "-device intel-iommu" },
    { "amd-iommu", VIOMMU, .before = "-device amd-iommu" },
    { "virtio-iommu", VIOMMU, .before = "-device virtio-iommu-pci" },
    { "virtio-iommu-last", VIOMMU, .after = "-device virtio-iommu-pci" },
    { "plain-intel-iommu", VIOMMU, .properties = "rombar=0",
      .before = "-device intel-iommu" },
    { "in-use", IN_USE, .call = "BIND_IOMMUFD", .err = EINVAL },
    { "in-use-group", IN_USE, .call = "BIND_IOMMUFD", .err = EBUSY },
    { "plain-in-use", ": Device or resource busy", .properties = "rombar=0",
      .call = "BIND_IOMMUFD", .err = EBUSY },
    { "plain-invalid", ": Invalid argument", .properties = "rombar=0",
      .call = "BIND_IOMMUFD", .err = EINVAL },
    { "quirk", "private=on does not work with this device: QEMU has to access "
      "its BARs (device quirk); remove the property",
      /* RTL8168: QEMU catches accesses to its BAR 2. */
      .properties = "private=on,x-pci-vendor-id=0x10ec,"
                    "x-pci-device-id=0x8168" },
    { "virtio-mem", VIRTIO_MEM,
      .before = MEM1 "-device virtio-mem-pci,memdev=m1" },
    { "read-only", READ_ONLY, .before = "-object memory-backend-file,id=m1,"
      "size=4M,mem-path=/dev/zero,readonly=on,share=on" },
};

/* For a software-protected VM: it needs what KVM tells by CPUID. */
static const RefusedCase refused_sw[] = {
    { "kvm-hidden", "sw-protected-vm excludes kvm=off: the guest finds KVM's "
      "hypercalls by CPUID; remove it from -cpu", .cpu = ",kvm=off" },
    { "no-convert", "sw-protected-vm excludes kvm-hc-map-gpa-range=off: the "
      "guest could not convert memory; remove it from -cpu",
      .cpu = ",kvm-hc-map-gpa-range=off" },
};

static void test_refused_by(const RefusedCase *c, bool tdx)
{
    g_autoptr(SimHost) host = sim_host_new(tdx);
    g_autofree char *err = NULL;

    host->cpu = c->cpu;
    host->properties = c->properties;
    host->before = c->before;
    host->after = c->after;
    if (c->call) {
        sim_fail_always(host, c->call, c->err);
    }
    err = sim_start_fails(host);
    g_assert_null(strchr(err, '\n'));
    if (!g_str_has_suffix(err, c->text)) {
        g_assert_cmpstr(err, ==, c->text);
    }
    g_assert_cmpuint(sim_count(host, 0, "RUN"), ==, 0);
}

static void test_refused(gconstpointer opaque)
{
    test_refused_by(opaque, false);
    test_refused_by(opaque, true);
}

static void test_refused_sw(gconstpointer opaque)
{
    test_refused_by(opaque, false);
}

static void check_error(QDict *response, const char *text)
{
    const char *desc;

    g_assert_true(qdict_haskey(response, "error"));
    desc = qdict_get_str(qdict_get_qdict(response, "error"), "desc");
    if (!g_str_has_suffix(desc, text)) {
        g_assert_cmpstr(desc, ==, text);
    }
    qobject_unref(response);
}

static void test_plug_read_only(SimHost *host)
{
    sim_start(host);
    check_error(qtest_qmp(host->qts, "{ 'execute': 'object-add', 'arguments': {"
                          " 'qom-type': 'memory-backend-file', 'id': 'm1',"
                          " 'size': 4194304, 'mem-path': '/dev/zero',"
                          " 'readonly': true } }"), READ_ONLY);
    qobject_unref(qtest_qmp(host->qts, "{ 'execute': 'query-status' }"));
}

/* A VM that runs already answers, and runs on. */
static void test_plug_viommu(SimHost *host)
{
    unsigned int from;

    host->plugged = true;
    host->before = "-device intel-iommu";
    sim_start(host);
    from = sim_now(host);
    check_error(sim_plug(host, 0), VIOMMU);
    g_assert_cmpuint(sim_count(host, from, "BIND_IOMMUFD"), ==, 0);
    qobject_unref(qtest_qmp(host->qts, "{ 'execute': 'query-status' }"));
}

static void test_plug_virtio_mem(SimHost *host)
{
    host->plugged = true;
    host->before = MEM1;
    sim_start(host);
    check_error(qtest_qmp(host->qts, "{ 'execute': 'device_add', 'arguments': {"
                          " 'driver': 'virtio-mem-pci', 'id': 'vm0',"
                          " 'memdev': 'm1', 'bus': 'rp0' } }"), VIRTIO_MEM);
    qobject_unref(qtest_qmp(host->qts, "{ 'execute': 'query-status' }"));
}

/* What is missing for it is said, and nothing is opened. */
static void test_snp(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);
    g_autofree char *args = NULL, *err = NULL;
    uint32_t eax, ebx, ecx, edx;
    const SimEvent *event;

    /* QEMU compares it with the CPU's, whichever that is. */
    __cpuid_count(0x8000001f, 0, eax, ebx, ecx, edx);
    args = g_strdup_printf("-machine confidential-guest-support=c1 -object "
                           "sev-snp-guest,id=c1,cbitpos=%u,"
                           "reduced-phys-bits=1", ebx & 0x3f);
    host->before = args;
    sim_tdvf_write(host->firmware);
    err = sim_start_fails(host);
    g_assert_true(g_str_has_suffix(err, "private=on does not support SEV-SNP "
                                   "guests: KVM maps no private MMIO for them, "
                                   "and nobody takes their SEV-TIO requests; "
                                   "use tdx-guest or sw-protected-vm"));
    event = sim_event(host, sim_find(host, 0, "CREATE_VM"));
    g_assert_cmpuint(event->args[0], ==, KVM_X86_SNP_VM);
    g_assert_cmpuint(sim_count(host, 0, "BIND_IOMMUFD"), ==, 0);
}

/* An ordinary guest may have a virtual IOMMU. */
static void test_viommu_ordinary(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    host->ordinary = true;
    host->before = "-device intel-iommu,caching-mode=on";
    sim_start(host);
}

/* Without TEE-I/O a guest does as it likes. */
static void test_no_tdcm(void)
{
    g_autoptr(SimHost) host = sim_host_new(false);

    host->cpu = ",kvm-hc-tdcm=off";
    sim_start(host);
}

/*
 * The token of a VF whose PF is on vfio-pci as well; iommufd has no other way
 * to hand it over.
 */
static void test_vf_token(SimHost *host)
{
    static const uint8_t token[] = {
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
    };
    const SimEvent *event;

    host->properties =
        "private=on,vf-token=00112233-4455-6677-8899-aabbccddeeff";
    sim_start(host);
    event = sim_event(host, sim_find(host, 0, "BIND_IOMMUFD"));
    g_assert_cmphex(event->args[0], ==, 3);
    g_assert_cmpmem(host->shared->vf_token, sizeof(token), token,
                    sizeof(token));
}

/* A device that takes none says the same as a kernel that is too old. */
static void test_vf_token_refused(SimHost *host)
{
    g_autofree char *err = NULL;

    host->properties =
        "private=on,vf-token=00112233-4455-6677-8899-aabbccddeeff";
    host->shared->no_vf_token = true;
    err = sim_start_fails(host);
    g_assert_true(g_str_has_suffix(err, "private=on cannot have the device "
                                   "with vf-token, it takes none: remove "
                                   "vf-token"));
}

/* And one of a kernel that is too old is not at fault. */
static void test_vf_token_old_kernel(SimHost *host)
{
    g_autofree char *err = NULL;

    host->properties =
        "private=on,vf-token=00112233-4455-6677-8899-aabbccddeeff";
    host->shared->no_private_bind = true;
    err = sim_start_fails(host);
    g_assert_nonnull(strstr(err, "VFIO_DEVICE_BIND_FLAG_PRIVATE"));
}

static void test_no_vf_token(SimHost *host)
{
    sim_start(host);
    g_assert_cmphex(sim_event(host, sim_find(host, 0, "BIND_IOMMUFD"))->args[0],
                    ==, 2);
}

static const SimTest tests[] = {
    { "plug-viommu", test_plug_viommu },
    { "plug-virtio-mem", test_plug_virtio_mem },
    { "plug-read-only", test_plug_read_only },
    { "vf-token", test_vf_token },
    { "vf-token-refused", test_vf_token_refused },
    { "vf-token-old-kernel", test_vf_token_old_kernel },
    { "no-vf-token", test_no_vf_token },
};

void sim_test_add_refuse(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(refused); i++) {
        g_autofree char *name = g_strdup_printf("vfio-private-sim/refuse/%s",
                                                refused[i].name);

        qtest_add_data_func(name, &refused[i], test_refused);
    }
    for (i = 0; i < ARRAY_SIZE(refused_sw); i++) {
        g_autofree char *name = g_strdup_printf("vfio-private-sim/sw/refuse/%s",
                                                refused_sw[i].name);

        qtest_add_data_func(name, &refused_sw[i], test_refused_sw);
    }
    sim_add_tests("refuse", tests, ARRAY_SIZE(tests));
    qtest_add_func("vfio-private-sim/refuse/viommu-ordinary",
                   test_viommu_ordinary);
    qtest_add_func("vfio-private-sim/sw/refuse/no-tdcm", test_no_tdcm);
    qtest_add_func("vfio-private-sim/snp/refuse", test_snp);
}
