/*
 * QEMU on a simulated host: firmware of a TDX guest
 *
 * An image that QEMU takes for TDVF: at its end the table of OVMF, which has
 * the offset of the metadata, which say where the sections go; and, for SEV-SNP
 * guests, the reset vector.  There is no code in it, as nothing runs it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/uuid.h"
#include "vfio-private-sim.h"

#define TDVF_SIZE       0x10000
#define TDVF_METADATA   0x1000          /* offset in the image */
#define TDVF_FOOTER     (TDVF_SIZE - 48)
#define TDVF_HOB        0x100000
#define TDVF_TEMP       0x110000

#define OVMF_FOOTER_GUID "96b582de-1fb2-45f7-baea-a366c55a082d"
#define SEV_RESET_GUID "00f771de-1a7e-4fcb-890e-68c77e2fb44e"
#define SEV_RESET_VECTOR 0xfffffff0
#define TDX_METADATA_GUID "e47a6535-984a-4798-865e-4685a7bf8ec2"

/* Types of sections */
#define TDVF_BFV        0
#define TDVF_TD_HOB     2
#define TDVF_TEMP_MEM   3

typedef struct QEMU_PACKED TdvfSection {
    uint32_t data_offset;
    uint32_t data_size;
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t attributes;
} TdvfSection;

typedef struct QEMU_PACKED TdvfMetadata {
    char signature[4];
    uint32_t length;
    uint32_t version;
    uint32_t nr_sections;
    TdvfSection sections[3];
} TdvfMetadata;

static void tdvf_guid(uint8_t *at, const char *text)
{
    QemuUUID uuid;

    g_assert_cmpint(qemu_uuid_parse(text, &uuid), ==, 0);
    uuid = qemu_uuid_bswap(uuid);
    memcpy(at, &uuid, sizeof(uuid));
}

#define TDVF_ENTRY_SIZE (4 + 2 + 16)

static void tdvf_entry(uint8_t *guid_at, const char *guid, uint32_t data)
{
    tdvf_guid(guid_at, guid);
    stw_le_p(guid_at - 2, TDVF_ENTRY_SIZE);
    stl_le_p(guid_at - 6, data);
}

/* Entries end with their length and GUID, so the table is read from its end. */
static void tdvf_table(uint8_t *image)
{
    uint8_t *footer = image + TDVF_FOOTER;

    tdvf_guid(footer, OVMF_FOOTER_GUID);
    stw_le_p(footer - 2, 2 + 16 + 2 * TDVF_ENTRY_SIZE);
    tdvf_entry(footer - 18, TDX_METADATA_GUID, TDVF_SIZE - TDVF_METADATA);
    tdvf_entry(footer - 18 - TDVF_ENTRY_SIZE, SEV_RESET_GUID,
               SEV_RESET_VECTOR);
}

static void tdvf_section(TdvfSection *section, uint32_t type,
                         uint64_t address, uint64_t size)
{
    section->data_size = type == TDVF_BFV ? cpu_to_le32(size) : 0;
    section->address = cpu_to_le64(address);
    section->size = cpu_to_le64(size);
    section->type = cpu_to_le32(type);
}

void sim_tdvf_write(const char *path)
{
    g_autofree uint8_t *image = g_malloc0(TDVF_SIZE);
    TdvfMetadata metadata = {
        .signature = "TDVF",
        .length = cpu_to_le32(sizeof(metadata)),
        .version = cpu_to_le32(1),
        .nr_sections = cpu_to_le32(ARRAY_SIZE(metadata.sections)),
    };

    tdvf_section(&metadata.sections[0], TDVF_BFV, 0x100000000ULL - TDVF_SIZE,
                 TDVF_SIZE);
    tdvf_section(&metadata.sections[1], TDVF_TD_HOB, TDVF_HOB, 0x2000);
    tdvf_section(&metadata.sections[2], TDVF_TEMP_MEM, TDVF_TEMP, 0x1000);
    memcpy(image + TDVF_METADATA, &metadata, sizeof(metadata));
    tdvf_table(image);
    g_assert_true(g_file_set_contents(path, (char *)image, TDVF_SIZE, NULL));
}
