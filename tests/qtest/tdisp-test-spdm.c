/*
 * TDISP with an external SPDM responder: the device only carries the bytes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/tdisp.h"
#include "tdisp-test.h"

#define SECURED_CMA     0x00020001u
#define SECRET          0x5ec2e7u

/* A responder that returns each object with its last word inverted */
static gpointer responder(gpointer opaque)
{
    int fd = accept(GPOINTER_TO_INT(opaque), NULL, NULL);
    uint32_t head[3];       /* command, transport, length */
    uint32_t object[16];

    while (recv(fd, head, sizeof(head), MSG_WAITALL) == sizeof(head)) {
        uint32_t len = be32_to_cpu(head[2]);

        if (len > sizeof(object) || len < 4 ||
            recv(fd, object, len, MSG_WAITALL) != len) {
            break;
        }
        object[len / 4 - 1] = ~object[len / 4 - 1];
        if (send(fd, head, sizeof(head), 0) != sizeof(head) ||
            send(fd, object, len, 0) != len) {
            break;
        }
    }
    close(fd);
    return NULL;
}

static int listen_local(uint16_t *port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, len), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&addr, &len), ==, 0);
    *port = ntohs(addr.sin_port);
    return fd;
}

static void test_external(void)
{
    uint32_t req[3] = { SECURED_CMA, 3, SECRET }, rsp[8];
    g_autofree char *device = NULL;
    GThread *thread;
    uint16_t port, exp;
    QTdisp *d;
    int fd;

    fd = listen_local(&port);
    thread = g_thread_new("responder", responder, GINT_TO_POINTER(fd));
    device = g_strdup_printf("nvme,serial=x,drive=disk,tdisp=on,"
                             "spdm_trans=doe,spdm_port=%u", port);
    d = qtdisp_start(device);

    exp = qtdisp_find_cap(d, d->rid, 0x10);
    g_assert_cmphex(qtdisp_cfg_readl(d, d->rid, exp + 4) &
                    TDISP_PCI_EXP_DEVCAP_TEE_IO, !=, 0);
    g_assert_cmpuint(qtdisp_doe(d, req, 3, rsp, 8), ==, 3);
    g_assert_cmphex(rsp[0], ==, SECURED_CMA);
    g_assert_cmphex(rsp[2], ==, ~SECRET);

    /* Nothing in the clear, whoever asks: it comes back as it went. */
    req[0] = 0x00010001;
    g_assert_cmpuint(qtdisp_doe(d, req, 3, rsp, 8), ==, 3);
    g_assert_cmphex(rsp[2], ==, ~SECRET);
    qtdisp_quit(d);
    g_thread_join(thread);
    close(fd);
}

static void test_not_both(void)
{
    QTestState *qts = qtest_init("-M q35 -m 64 -nodefaults "
                                 "-device pcie-root-port,id=rp,slot=1");
    g_autofree char *text = NULL;
    g_autofree char *cmd = NULL;
    uint16_t port;
    int fd = listen_local(&port);

    cmd = g_strdup_printf("device_add nvme,bus=rp,serial=x,tdisp=on,"
                          "x-tdisp-clear=on,spdm_trans=doe,spdm_port=%u",
                          port);
    text = qtest_hmp(qts, "%s", cmd);
    g_assert_nonnull(strstr(text, "exclude each other"));
    qtest_quit(qts);
    close(fd);
}

void tdisp_test_add_spdm(void)
{
    qtest_add_func("/tdisp/spdm/external-responder", test_external);
    qtest_add_func("/tdisp/spdm/not-both", test_not_both);
}
