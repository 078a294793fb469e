/*
 * Driving a TDISP device over its DOE mailbox, from a qtest
 *
 * The platform set-up (ECAM, BARs, bus mastering) is here and not in the
 * device.  Devices sit on q35's root bus, so a routing ID is a devfn, but for
 * those that start behind a port.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_TDISP_H
#define LIBQOS_TDISP_H

#include "../libqtest.h"
#include "hw/tdisp/tdisp.h"
#include "hw/tdisp/tdi-testdev.h"

/* Where the helpers put things; guest RAM is 64 MiB. */
#define QTDISP_DEVFN        0x20
#define QTDISP_BAR0         0xe0000000u
#define QTDISP_BAR2         0xe4000000u
#define QTDISP_VF_BAR0      0xe1000000u
#define QTDISP_VF_BAR2      0xe8000000u
#define QTDISP_RAM          0x01000000u

/* A function, and the one whose mailbox speaks for it. */
typedef struct QTdisp {
    QTestState *qts;
    uint16_t rid;           /* the TDI */
    uint16_t dsm;           /* function 0 */
    uint32_t bar0;
    uint32_t bar2;
    char *path;             /* QOM path of its tdisp-interface */
} QTdisp;

/*
 * Starts QEMU with @device (a -device argument without id and addr).  A block
 * node "disk" is there for those who want one.
 */
QTdisp *qtdisp_start(const char *device);
/* The same with more arguments, before -device */
QTdisp *qtdisp_start_with(const char *device, const char *args);
/* tdi-testdev with TDISP in the clear and @extra properties (",p=v", ""). */
QTdisp *qtdisp_start_testdev(const char *extra);
/*
 * @device behind a root port at QTDISP_DEVFN, which has bus number @bus below
 */
QTdisp *qtdisp_start_behind(const char *device, uint8_t bus);
/* Gives the bus below that port another number. */
void qtdisp_set_bus(QTdisp *d, uint8_t bus);
void qtdisp_quit(QTdisp *d);
/* Enables @nr VFs of @pf and gives VF @index; free with qtdisp_free_vf(). */
QTdisp *qtdisp_vf(QTdisp *pf, int nr, int index);
void qtdisp_free_vf(QTdisp *vf);
/* Gives BARs their addresses and sets MSE and BME. */
void qtdisp_map(QTdisp *d);

/* Config space of any function, offsets up to 4095 */
uint32_t qtdisp_cfg_readl(QTdisp *d, uint16_t rid, uint16_t reg);
uint16_t qtdisp_cfg_readw(QTdisp *d, uint16_t rid, uint16_t reg);
void qtdisp_cfg_writel(QTdisp *d, uint16_t rid, uint16_t reg, uint32_t val);
void qtdisp_cfg_writew(QTdisp *d, uint16_t rid, uint16_t reg, uint16_t val);
void qtdisp_cfg_writeb(QTdisp *d, uint16_t rid, uint16_t reg, uint8_t val);
/* Offset of a capability, 0 if there is none */
uint8_t qtdisp_find_cap(QTdisp *d, uint16_t rid, uint8_t id);
uint16_t qtdisp_find_ext_cap(QTdisp *d, uint16_t rid, uint16_t id);

/*
 * One DOE exchange of whole objects, header included, lengths in words.
 * Returns: words in @rsp (at most @max), 0 if no object came back.
 */
size_t qtdisp_doe(QTdisp *d, const uint32_t *req, size_t words,
                  uint32_t *rsp, size_t max);
void qtdisp_doe_send(QTdisp *d, const uint32_t *req, size_t words);
size_t qtdisp_doe_receive(QTdisp *d, uint32_t *rsp, size_t max);
uint32_t qtdisp_doe_status(QTdisp *d);
void qtdisp_doe_control(QTdisp *d, uint32_t val);

/* Wraps an SPDM message into a CMA object.  Returns the answer's bytes. */
size_t qtdisp_spdm(QTdisp *d, const void *req, size_t len,
                   void *rsp, size_t max);
/* Wraps a TDISP message into SPDM.  Returns the answer's bytes. */
size_t qtdisp_message(QTdisp *d, const void *req, size_t len,
                      void *rsp, size_t max);

/* The header for a request to @d's TDI */
void qtdisp_header(QTdisp *d, TdispHeader *hdr, uint8_t code);
/*
 * Sends @code with a well-formed body of its length (see tdisp.h), zero where
 * not told otherwise, and returns 0 for the right response or the TDISP error
 * code.
 */
uint32_t qtdisp_request(QTdisp *d, uint8_t code);
uint32_t qtdisp_lock_flags(QTdisp *d, TdispLockReq *req, uint8_t *nonce);
uint32_t qtdisp_lock(QTdisp *d, uint8_t *nonce);
uint32_t qtdisp_start_interface(QTdisp *d, const uint8_t *nonce);
uint32_t qtdisp_stop(QTdisp *d);
/* TDISP_STATE_* as the device answers it */
uint8_t qtdisp_state(QTdisp *d);
/* From any state to @state; asserts that it got there. */
void qtdisp_go(QTdisp *d, uint8_t state);
/* 0 or the error code; *@len in: asked for, out: got */
uint32_t qtdisp_report_portion(QTdisp *d, uint16_t offset, uint16_t *len,
                               uint16_t *remainder, uint8_t *buf);
/* The whole report in portions of @portion bytes; asserts success. */
size_t qtdisp_report(QTdisp *d, uint16_t portion, uint8_t *buf, size_t max);

/* Properties of the TDI */
void qtdisp_set_bool(QTdisp *d, const char *name, bool value);
void qtdisp_set_uint(QTdisp *d, const char *name, uint64_t value);
uint64_t qtdisp_get_uint(QTdisp *d, const char *name);
char *qtdisp_get_str(QTdisp *d, const char *name);
bool qtdisp_get_bool(QTdisp *d, const char *name);
/* Counts the CPU-less accesses of a qtest as T=1 from here on, or as T=0. */
void qtdisp_t(QTdisp *d, bool t);

/* tdi-testdev: registers, and a DMA transfer up to its end */
uint32_t qtdisp_reg(QTdisp *d, uint32_t reg);
void qtdisp_set_reg(QTdisp *d, uint32_t reg, uint32_t val);
uint32_t qtdisp_open_reg(QTdisp *d, uint32_t reg);
void qtdisp_dma_setup(QTdisp *d, uint64_t iova, uint64_t offset,
                      uint32_t length);
uint32_t qtdisp_dma(QTdisp *d, uint32_t command);

#endif /* LIBQOS_TDISP_H */
