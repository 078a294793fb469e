/*
 * Driving a TDISP device over its DOE mailbox, from a qtest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "tdisp.h"

#define ECAM_BASE           0xb0000000u
#define Q35_PCIEXBAR        0x60
#define PCI_SIG             0x0001
#define DOE_TYPE_CMA        1
#define DOE_CAP_ID          0x2e
#define DOE_CTRL            0x08
#define DOE_CTRL_GO         0x80000000u
#define DOE_STATUS          0x0c
#define DOE_STATUS_READY    0x80000000u
#define DOE_WRITE           0x10
#define DOE_READ            0x14
#define SPDM_VERSION        0x12
#define MAX_WORDS           0x4100

static uint64_t ecam(uint16_t rid, uint16_t reg)
{
    return ECAM_BASE + ((uint64_t)rid << 12) + reg;
}

uint32_t qtdisp_cfg_readl(QTdisp *d, uint16_t rid, uint16_t reg)
{
    return qtest_readl(d->qts, ecam(rid, reg));
}

uint16_t qtdisp_cfg_readw(QTdisp *d, uint16_t rid, uint16_t reg)
{
    return qtest_readw(d->qts, ecam(rid, reg));
}

void qtdisp_cfg_writel(QTdisp *d, uint16_t rid, uint16_t reg, uint32_t val)
{
    qtest_writel(d->qts, ecam(rid, reg), val);
}

void qtdisp_cfg_writew(QTdisp *d, uint16_t rid, uint16_t reg, uint16_t val)
{
    qtest_writew(d->qts, ecam(rid, reg), val);
}

void qtdisp_cfg_writeb(QTdisp *d, uint16_t rid, uint16_t reg, uint8_t val)
{
    qtest_writeb(d->qts, ecam(rid, reg), val);
}

uint8_t qtdisp_find_cap(QTdisp *d, uint16_t rid, uint8_t id)
{
    uint8_t pos = qtdisp_cfg_readw(d, rid, PCI_CAPABILITY_LIST) & 0xfc;

    for (int ttl = 48; pos && ttl; ttl--) {
        uint16_t word = qtdisp_cfg_readw(d, rid, pos);

        if ((word & 0xff) == id) {
            return pos;
        }
        pos = word >> 8 & 0xfc;
    }
    return 0;
}

uint16_t qtdisp_find_ext_cap(QTdisp *d, uint16_t rid, uint16_t id)
{
    uint16_t pos = 0x100;

    for (int ttl = 480; pos && ttl; ttl--) {
        uint32_t header = qtdisp_cfg_readl(d, rid, pos);

        if ((header & 0xffff) == id) {
            return pos;
        }
        pos = header >> 20;
    }
    return 0;
}

static void map_bar(QTdisp *d, uint16_t rid, uint16_t reg, uint32_t addr)
{
    qtdisp_cfg_writel(d, rid, reg, addr);
    qtdisp_cfg_writel(d, rid, reg + 4, 0);
}

void qtdisp_map(QTdisp *d)
{
    map_bar(d, d->rid, PCI_BASE_ADDRESS_0, d->bar0);
    map_bar(d, d->rid, PCI_BASE_ADDRESS_2, d->bar2);
    qtdisp_cfg_writew(d, d->rid, PCI_COMMAND,
                      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static QTdisp *start_at(const char *device, uint8_t slot, const char *args)
{
    QTdisp *d = g_new0(QTdisp, 1);

    d->qts = qtest_initf("-M q35 -m 64 -nodefaults "
                         "-blockdev null-co,node-name=disk,read-zeroes=on "
                         "%s -device %s,id=dut,addr=%x",
                         args, device, slot);
    d->bar0 = QTDISP_BAR0;
    d->bar2 = QTDISP_BAR2;
    d->path = g_strdup("/machine/peripheral/dut/tdi");

    qtest_outl(d->qts, 0xcf8, 0x80000000 | Q35_PCIEXBAR);
    qtest_outl(d->qts, 0xcfc, ECAM_BASE | 1);
    return d;
}

QTdisp *qtdisp_start_with(const char *device, const char *args)
{
    QTdisp *d = start_at(device, QTDISP_DEVFN >> 3, args);

    d->rid = d->dsm = QTDISP_DEVFN;
    qtdisp_map(d);
    return d;
}

void qtdisp_set_bus(QTdisp *d, uint8_t bus)
{
    qtdisp_cfg_writel(d, QTDISP_DEVFN, PCI_PRIMARY_BUS, bus << 16 | bus << 8);
    d->rid = d->dsm = bus << 8;
}

QTdisp *qtdisp_start_behind(const char *device, uint8_t bus)
{
    g_autofree char *behind = g_strdup_printf("%s,bus=rp0", device);
    g_autofree char *args =
        g_strdup_printf("-device pcie-root-port,id=rp0,chassis=1,addr=%x",
                        QTDISP_DEVFN >> 3);
    QTdisp *d = start_at(behind, 0, args);

    qtdisp_set_bus(d, bus);
    /* One window from BAR 0 on, and one from BAR 2 on */
    qtdisp_cfg_writel(d, QTDISP_DEVFN, PCI_MEMORY_BASE,
                      (QTDISP_VF_BAR0 - 1) >> 20 << 20 | QTDISP_BAR0 >> 16);
    qtdisp_cfg_writel(d, QTDISP_DEVFN, PCI_PREF_MEMORY_BASE,
                      (QTDISP_VF_BAR2 - 1) >> 20 << 20 | QTDISP_BAR2 >> 16);
    qtdisp_cfg_writew(d, QTDISP_DEVFN, PCI_COMMAND,
                      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    qtdisp_map(d);
    return d;
}

QTdisp *qtdisp_start(const char *device)
{
    return qtdisp_start_with(device, "");
}

QTdisp *qtdisp_start_testdev(const char *extra)
{
    g_autofree char *device =
        g_strdup_printf("tdi-testdev,tdisp=on,x-tdisp-clear=on%s", extra);

    return qtdisp_start(device);
}

void qtdisp_quit(QTdisp *d)
{
    qtest_quit(d->qts);
    g_free(d->path);
    g_free(d);
}

QTdisp *qtdisp_vf(QTdisp *pf, int nr, int index)
{
    uint16_t cap = qtdisp_find_ext_cap(pf, pf->rid, PCI_EXT_CAP_ID_SRIOV);
    QTdisp *vf = g_new0(QTdisp, 1);

    g_assert_cmpuint(cap, !=, 0);
    if (!(qtdisp_cfg_readw(pf, pf->rid, cap + PCI_SRIOV_CTRL) &
          PCI_SRIOV_CTRL_VFE)) {
        map_bar(pf, pf->rid, cap + PCI_SRIOV_BAR, QTDISP_VF_BAR0);
        map_bar(pf, pf->rid, cap + PCI_SRIOV_BAR + 8, QTDISP_VF_BAR2);
        qtdisp_cfg_writew(pf, pf->rid, cap + PCI_SRIOV_NUM_VF, nr);
        qtdisp_cfg_writew(pf, pf->rid, cap + PCI_SRIOV_CTRL,
                          PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
    }
    vf->qts = pf->qts;
    vf->dsm = pf->rid;
    vf->rid = pf->rid + qtdisp_cfg_readw(pf, pf->rid, cap + PCI_SRIOV_VF_OFFSET)
              + index * qtdisp_cfg_readw(pf, pf->rid,
                                         cap + PCI_SRIOV_VF_STRIDE);
    vf->bar0 = QTDISP_VF_BAR0 + index * TDI_TESTDEV_REG_BAR_SIZE;
    vf->bar2 = QTDISP_VF_BAR2 + index * 0x100000;
    vf->path = g_strdup_printf("%s/vf%d", pf->path, index);
    qtdisp_cfg_writew(vf, vf->rid, PCI_COMMAND,
                      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return vf;
}

void qtdisp_free_vf(QTdisp *vf)
{
    g_free(vf->path);
    g_free(vf);
}

static uint16_t doe_reg(QTdisp *d, uint16_t reg)
{
    uint16_t cap = qtdisp_find_ext_cap(d, d->dsm, DOE_CAP_ID);

    g_assert_cmpuint(cap, !=, 0);
    return cap + reg;
}

uint32_t qtdisp_doe_status(QTdisp *d)
{
    return qtdisp_cfg_readl(d, d->dsm, doe_reg(d, DOE_STATUS));
}

void qtdisp_doe_control(QTdisp *d, uint32_t val)
{
    qtdisp_cfg_writel(d, d->dsm, doe_reg(d, DOE_CTRL), val);
}

void qtdisp_doe_send(QTdisp *d, const uint32_t *req, size_t words)
{
    uint16_t reg = doe_reg(d, DOE_WRITE);

    for (size_t i = 0; i < words; i++) {
        qtdisp_cfg_writel(d, d->dsm, reg, le32_to_cpu(req[i]));
    }
    qtdisp_doe_control(d, DOE_CTRL_GO);
}

size_t qtdisp_doe_receive(QTdisp *d, uint32_t *rsp, size_t max)
{
    uint16_t status = doe_reg(d, DOE_STATUS);
    uint16_t reg = doe_reg(d, DOE_READ);
    size_t nr = 0;

    while (qtdisp_cfg_readl(d, d->dsm, status) & DOE_STATUS_READY) {
        uint32_t word = qtdisp_cfg_readl(d, d->dsm, reg);

        g_assert_cmpuint(nr, <, max);
        rsp[nr++] = cpu_to_le32(word);
        qtdisp_cfg_writel(d, d->dsm, reg, 0);
    }
    return nr;
}

size_t qtdisp_doe(QTdisp *d, const uint32_t *req, size_t words,
                  uint32_t *rsp, size_t max)
{
    qtdisp_doe_send(d, req, words);
    return qtdisp_doe_receive(d, rsp, max);
}

size_t qtdisp_spdm(QTdisp *d, const void *req, size_t len,
                   void *rsp, size_t max)
{
    size_t words = 2 + DIV_ROUND_UP(len, 4);
    g_autofree uint32_t *out = g_new0(uint32_t, words);
    g_autofree uint32_t *in = g_new0(uint32_t, MAX_WORDS);
    size_t got;

    out[0] = cpu_to_le32(PCI_SIG | DOE_TYPE_CMA << 16);
    out[1] = cpu_to_le32(words);
    memcpy(out + 2, req, len);
    got = qtdisp_doe(d, out, words, in, MAX_WORDS);
    if (!got) {
        return 0;
    }
    g_assert_cmphex(le32_to_cpu(in[0]), ==, PCI_SIG | DOE_TYPE_CMA << 16);
    g_assert_cmpuint(le32_to_cpu(in[1]), ==, got);
    got = MIN((got - 2) * 4, max);
    memcpy(rsp, in + 2, got);
    return got;
}

size_t qtdisp_message(QTdisp *d, const void *req, size_t len,
                      void *rsp, size_t max)
{
    g_autofree uint8_t *out = g_malloc0(sizeof(TdispSpdmVendorMsg) + len);
    g_autofree uint8_t *in = g_malloc0(MAX_WORDS * 4);
    TdispSpdmVendorMsg *msg = (TdispSpdmVendorMsg *)out;
    TdispSpdmVendorMsg *answer = (TdispSpdmVendorMsg *)in;
    size_t got;

    *msg = (TdispSpdmVendorMsg) {
        .spdm = { SPDM_VERSION, SPDM_VENDOR_DEFINED_REQUEST },
        .standard_id = cpu_to_le16(SPDM_STANDARD_ID_PCI_SIG),
        .vendor_id_len = 2,
        .vendor_id = cpu_to_le16(SPDM_PCI_SIG_VENDOR_ID),
        .payload_len = cpu_to_le16(len + 1),
        .protocol_id = SPDM_PCI_PROTOCOL_TDISP,
    };
    memcpy(msg + 1, req, len);
    got = qtdisp_spdm(d, out, sizeof(*msg) + len, in, MAX_WORDS * 4);
    g_assert_cmpuint(got, >=, sizeof(*answer) + sizeof(TdispHeader));
    g_assert_cmphex(answer->spdm.spdm_version, ==, SPDM_VERSION);
    g_assert_cmphex(answer->spdm.code, ==, SPDM_VENDOR_DEFINED_RESPONSE);
    g_assert_cmphex(answer->protocol_id, ==, SPDM_PCI_PROTOCOL_TDISP);
    len = le16_to_cpu(answer->payload_len) - 1;
    g_assert_cmpuint(sizeof(*answer) + len, <=, got);
    memcpy(rsp, answer + 1, MIN(len, max));
    return len;
}
