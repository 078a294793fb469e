/*
 * TDISP wire format: constants and packed structures, nothing else
 *
 * TEE Device Interface Security Protocol, PCI Express Base Specification 6.x,
 * chapter 11.  Section numbers below are those of that chapter.  All fields
 * are little endian on the wire; a user converts with the *_le_p() accessors
 * or le*_to_cpu().
 *
 * Both sides use this header: the device that answers and the code that asks.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_TDISP_TDISP_H
#define HW_TDISP_TDISP_H

/* TDISPVersion 1.0: major in bits 7:4, minor in bits 3:0 (11.3.1) */
#define TDISP_VERSION_1_0                   0x10

/* Request codes (11.3.1, table of request codes) */
#define TDISP_GET_VERSION                   0x81
#define TDISP_GET_CAPABILITIES              0x82
#define TDISP_LOCK_INTERFACE                0x83
#define TDISP_GET_DEVICE_INTERFACE_REPORT   0x84
#define TDISP_GET_DEVICE_INTERFACE_STATE    0x85
#define TDISP_START_INTERFACE               0x86
#define TDISP_STOP_INTERFACE                0x87
#define TDISP_BIND_P2P_STREAM               0x88
#define TDISP_UNBIND_P2P_STREAM             0x89
#define TDISP_SET_MMIO_ATTRIBUTE            0x8a
#define TDISP_VDM_REQUEST                   0x8b
#define TDISP_SET_TDISP_CONFIG              0x8c

/* A response code is the request code with bit 7 clear; ERROR stands alone. */
#define TDISP_RESPONSE(req)                 ((req) & 0x7f)
#define TDISP_ERROR                         0x7f

/* ERROR_CODE of TDISP_ERROR (11.3.24) */
#define TDISP_ERR_INVALID_REQUEST           0x001
#define TDISP_ERR_BUSY                      0x003
#define TDISP_ERR_INVALID_INTERFACE_STATE   0x004
#define TDISP_ERR_UNSPECIFIED               0x005
#define TDISP_ERR_UNSUPPORTED_REQUEST       0x007 /* data: request code */
#define TDISP_ERR_VERSION_MISMATCH          0x041
#define TDISP_ERR_VENDOR_SPECIFIC           0x0ff
#define TDISP_ERR_INVALID_INTERFACE         0x101
#define TDISP_ERR_INVALID_NONCE             0x102
#define TDISP_ERR_INSUFFICIENT_ENTROPY      0x103
#define TDISP_ERR_INVALID_DEVICE_CONFIG     0x104

/* TDI states (11.2, and TDI_STATE of the state response, 11.3.13) */
#define TDISP_STATE_CONFIG_UNLOCKED         0
#define TDISP_STATE_CONFIG_LOCKED           1
#define TDISP_STATE_RUN                     2
#define TDISP_STATE_ERROR                   3

/* FUNCTION_ID, the first word of an INTERFACE_ID (11.3.1) */
#define TDISP_FUNCTION_RID_MASK             0x0000ffffu
#define TDISP_FUNCTION_SEGMENT_SHIFT        16
#define TDISP_FUNCTION_SEGMENT_MASK         0x00ff0000u
#define TDISP_FUNCTION_SEGMENT_VALID        0x01000000u

/* LOCK_INTERFACE flags (11.3.8) */
#define TDISP_LOCK_NO_FW_UPDATE             0x0001
#define TDISP_LOCK_CACHE_LINE_128           0x0002 /* clear: 64 bytes */
#define TDISP_LOCK_MSIX                     0x0004
#define TDISP_LOCK_BIND_P2P                 0x0008
#define TDISP_LOCK_ALL_REQUEST_REDIRECT     0x0010

/* INTERFACE_INFO of the interface report (11.3.11) */
#define TDISP_INFO_NO_FW_UPDATE             0x0001
#define TDISP_INFO_DMA_WITHOUT_PASID        0x0002
#define TDISP_INFO_DMA_WITH_PASID           0x0004
#define TDISP_INFO_ATS                      0x0008
#define TDISP_INFO_PRS                      0x0010

/* Range attributes of the interface report (11.3.11) */
#define TDISP_RANGE_MSIX_TABLE              0x0001
#define TDISP_RANGE_MSIX_PBA                0x0002
#define TDISP_RANGE_NON_TEE                 0x0004
#define TDISP_RANGE_UPDATABLE               0x0008

/*
 * Unit of first_page in a range: readings of the specification differ (a page
 * number, or the byte address of the first page).  Here it is a page number,
 * (bus address + MMIO_REPORTING_OFFSET) >> TDISP_REPORT_PAGE_SHIFT.
 */
#define TDISP_REPORT_PAGE_SHIFT             12

#define TDISP_NONCE_SIZE                    32

/* Header of every message (11.3.1) */
typedef struct QEMU_PACKED TdispHeader {
    uint8_t version;
    uint8_t type;
    uint16_t reserved;
    uint32_t function_id;
    uint8_t interface_reserved[8];
} TdispHeader;

/* TDISP_VERSION (11.3.4); the versions follow */
typedef struct QEMU_PACKED TdispVersionRsp {
    TdispHeader hdr;
    uint8_t count;
    uint8_t versions[1];
} TdispVersionRsp;

/* GET_TDISP_CAPABILITIES (11.3.5) */
typedef struct QEMU_PACKED TdispCapabilitiesReq {
    TdispHeader hdr;
    uint32_t tsm_caps;
} TdispCapabilitiesReq;

/* TDISP_CAPABILITIES (11.3.6); bit N of the bitmap is request code 0x80 + N */
typedef struct QEMU_PACKED TdispCapabilitiesRsp {
    TdispHeader hdr;
    uint32_t dsm_caps;
    uint8_t req_msgs_supported[16];
    uint16_t lock_flags_supported;
    uint8_t reserved[3];
    uint8_t dev_addr_width;
    uint8_t num_req_this;
    uint8_t num_req_all;
} TdispCapabilitiesRsp;

/* LOCK_INTERFACE_REQUEST (11.3.8) */
typedef struct QEMU_PACKED TdispLockReq {
    TdispHeader hdr;
    uint16_t flags;
    uint8_t default_stream_id;
    uint8_t reserved;
    uint64_t mmio_reporting_offset;
    uint64_t bind_p2p_address_mask;
} TdispLockReq;

/* LOCK_INTERFACE_RESPONSE (11.3.9) and START_INTERFACE_REQUEST (11.3.14) */
typedef struct QEMU_PACKED TdispNonceMsg {
    TdispHeader hdr;
    uint8_t nonce[TDISP_NONCE_SIZE];
} TdispNonceMsg;

/* GET_DEVICE_INTERFACE_REPORT (11.3.10), lengths in bytes */
typedef struct QEMU_PACKED TdispReportReq {
    TdispHeader hdr;
    uint16_t offset;
    uint16_t length;
} TdispReportReq;

/* DEVICE_INTERFACE_REPORT (11.3.11); portion_length bytes follow */
typedef struct QEMU_PACKED TdispReportRsp {
    TdispHeader hdr;
    uint16_t portion_length;
    uint16_t remainder_length;
} TdispReportRsp;

/* Interface report; the ranges follow, then device info (11.3.11) */
typedef struct QEMU_PACKED TdispReport {
    uint16_t interface_info;
    uint16_t reserved;
    uint16_t msix_message_control;
    uint16_t lnr_control;
    uint32_t tph_control;
    uint32_t mmio_range_count;
} TdispReport;

/* One MMIO range of the report; range_id is the BAR number (11.3.11) */
typedef struct QEMU_PACKED TdispReportRange {
    uint64_t first_page;
    uint32_t pages;
    uint16_t attributes;
    uint16_t range_id;
} TdispReportRange;

/* DEVICE_INTERFACE_STATE (11.3.13) */
typedef struct QEMU_PACKED TdispStateRsp {
    TdispHeader hdr;
    uint8_t state;
} TdispStateRsp;

/* BIND_P2P_STREAM and UNBIND_P2P_STREAM requests (11.3.18, 11.3.20) */
typedef struct QEMU_PACKED TdispP2PReq {
    TdispHeader hdr;
    uint8_t stream_id;
} TdispP2PReq;

/* SET_MMIO_ATTRIBUTE_REQUEST (11.3.22) */
typedef struct QEMU_PACKED TdispMmioAttributeReq {
    TdispHeader hdr;
    TdispReportRange range;
} TdispMmioAttributeReq;

/* TDISP_ERROR (11.3.24) */
typedef struct QEMU_PACKED TdispErrorRsp {
    TdispHeader hdr;
    uint32_t code;
    uint32_t data;
} TdispErrorRsp;

QEMU_BUILD_BUG_ON(sizeof(TdispHeader) != 16);
QEMU_BUILD_BUG_ON(sizeof(TdispVersionRsp) != 18);
QEMU_BUILD_BUG_ON(sizeof(TdispCapabilitiesReq) != 20);
QEMU_BUILD_BUG_ON(sizeof(TdispCapabilitiesRsp) != 44);
QEMU_BUILD_BUG_ON(sizeof(TdispLockReq) != 36);
QEMU_BUILD_BUG_ON(sizeof(TdispNonceMsg) != 48);
QEMU_BUILD_BUG_ON(sizeof(TdispReportReq) != 20);
QEMU_BUILD_BUG_ON(sizeof(TdispReportRsp) != 20);
QEMU_BUILD_BUG_ON(sizeof(TdispReport) != 16);
QEMU_BUILD_BUG_ON(sizeof(TdispReportRange) != 16);
QEMU_BUILD_BUG_ON(sizeof(TdispStateRsp) != 17);
QEMU_BUILD_BUG_ON(sizeof(TdispP2PReq) != 17);
QEMU_BUILD_BUG_ON(sizeof(TdispMmioAttributeReq) != 32);
QEMU_BUILD_BUG_ON(sizeof(TdispErrorRsp) != 24);

/*
 * SPDM vendor-defined message that carries TDISP (11.2.2; DSP0274
 * VENDOR_DEFINED_REQUEST and RESPONSE).  payload_len counts the protocol byte
 * and the TDISP message behind it.
 */
#define SPDM_VENDOR_DEFINED_REQUEST         0xfe
#define SPDM_VENDOR_DEFINED_RESPONSE        0x7e
#define SPDM_ERROR                          0x7f
#define SPDM_ERR_INVALID_REQUEST            0x01
#define SPDM_ERR_UNSUPPORTED_REQUEST        0x07
#define SPDM_ERR_VERSION_MISMATCH           0x41
#define SPDM_STANDARD_ID_PCI_SIG            3
#define SPDM_PCI_SIG_VENDOR_ID              0x0001
#define SPDM_PCI_PROTOCOL_IDE_KM            0
#define SPDM_PCI_PROTOCOL_TDISP             1

typedef struct QEMU_PACKED TdispSpdmHeader {
    uint8_t spdm_version;
    uint8_t code;
    uint8_t param1;
    uint8_t param2;
} TdispSpdmHeader;

typedef struct QEMU_PACKED TdispSpdmVendorMsg {
    TdispSpdmHeader spdm;
    uint16_t standard_id;
    uint8_t vendor_id_len;
    uint16_t vendor_id;
    uint16_t payload_len;
    uint8_t protocol_id;
} TdispSpdmVendorMsg;

QEMU_BUILD_BUG_ON(sizeof(TdispSpdmVendorMsg) != 12);

/* TEE-IO Supported, Device Capabilities register (PCIe 7.5.3.3) */
#define TDISP_PCI_EXP_DEVCAP_TEE_IO         (1u << 30)

#endif /* HW_TDISP_TDISP_H */
