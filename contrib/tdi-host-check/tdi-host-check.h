/*
 * tdi-host-check: is this host, and a device of it, ready for private
 * assignment?
 *
 * A check is a function that looks at one thing and adds one result.  Checks do
 * not depend on each other's results, except that the ones of a device want its
 * PCIFacts.  None of them changes anything.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TDI_HOST_CHECK_H
#define TDI_HOST_CHECK_H

#define HOST_CHECK_BARS 6
#define PCI_CONFIG_MAX 4096

/**
 * enum HostVerdict - how a check ended
 * @HOST_PASS: as it should be
 * @HOST_WARN: works, but not all of it, or could not be checked
 * @HOST_FAIL: private assignment does not work like this
 */
typedef enum HostVerdict {
    HOST_PASS,
    HOST_WARN,
    HOST_FAIL,
    HOST_VERDICT__MAX,
} HostVerdict;

/**
 * struct HostOps - how the checks reach devices; tests replace it
 * @open: returns the fd, or -errno
 * @ioctl: returns what ioctl() does, or -errno
 */
typedef struct HostOps {
    int (*open)(const char *path, int flags);
    int (*ioctl)(int fd, unsigned long request, void *arg);
    void (*close)(int fd);
} HostOps;

/**
 * struct HostResult - what a check found
 * @check: its name: a word that stays the same in every release
 * @scope: address of the device, NULL for the host
 * @text: one line
 * @remedy: one line or more, NULL unless something is to be done
 */
typedef struct HostResult {
    const char *check;
    const char *scope;
    HostVerdict verdict;
    char *text;
    char *remedy;
} HostResult;

/**
 * struct HostCheck - one run
 * @root: folder that holds /dev, /proc and /sys; "" on a real machine
 * @ops: for devices below @root
 * @bdf: address of the device, NULL for the host alone
 * @results: HostResult, in the order of the checks
 */
typedef struct HostCheck {
    const char *root;
    const HostOps *ops;
    const char *bdf;
    GPtrArray *results;
} HostCheck;

/**
 * struct PCIFacts - what sysfs says of a device
 * @config: its configuration space
 * @config_len: bytes of it that could be read; 64 without privileges
 * @class_code: base class, subclass, interface
 * @bar_start, @bar_size, @bar_flags: as in sysfs; a BAR that is not there has
 *     flags 0
 * @exp, @msix, @doe: offsets of capabilities; 0 if absent
 */
typedef struct PCIFacts {
    uint8_t config[PCI_CONFIG_MAX];
    size_t config_len;
    uint32_t class_code;
    uint64_t bar_start[HOST_CHECK_BARS];
    uint64_t bar_size[HOST_CHECK_BARS];
    uint64_t bar_flags[HOST_CHECK_BARS];
    uint16_t exp;
    uint16_t msix;
    uint16_t doe;
} PCIFacts;

/* bar_flags: the kernel's struct resource */
#define HOST_BAR_IO    0x100
#define HOST_BAR_MEM   0x200
#define HOST_BAR_UNSET 0x20000000

/* results.c */

const char *host_verdict_name(HostVerdict verdict);
GPtrArray *host_results_new(void);

/* host_add: add a result; @remedy is taken over and may be NULL */
void host_add(HostCheck *hc, const char *check, bool device,
              HostVerdict verdict, char *remedy, const char *fmt, ...)
    G_GNUC_PRINTF(6, 7);

unsigned int host_count(const GPtrArray *results, HostVerdict verdict);

/**
 * host_exit_status: what a script gets
 * @strict: a warning counts
 *
 * Returns: 0: nothing failed; 1: something failed; 3: only warnings, if @strict
 */
int host_exit_status(const GPtrArray *results, bool strict);

/* host_print_text: for people.  @color: use terminal escapes */
void host_print_text(const HostCheck *hc, bool color, FILE *out);

/* host_json: for programs.  Returns the document, to be freed. */
char *host_json(const HostCheck *hc, bool strict);

/* sysfs.c: paths begin with a slash and are looked up below @hc->root */

char *host_path(const HostCheck *hc, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);
bool host_exists(const HostCheck *hc, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* host_read: content without white space around; NULL if it cannot be read */
char *host_read(const HostCheck *hc, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* host_link_name: last part of what a link points to; NULL if it is none */
char *host_link_name(const HostCheck *hc, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* host_list: names in a folder, sorted; empty if it is not there */
GPtrArray *host_list(const HostCheck *hc, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* host_join: names, with commas between; or @none */
char *host_join(const GPtrArray *names, const char *none);

/* host_open: open a device read-write.  Returns the fd, or -errno */
int host_open(const HostCheck *hc, const char *path);

/* host_open_remedy: what to do if host_open() failed with -@err */
char *host_open_remedy(int err, const char *path, const char *missing);

/* pci.c */

/**
 * host_pci_parse_address: complete an address to domain:bus:device.function
 *
 * Returns: the address in sysfs' form, to be freed; NULL if @text is none.
 */
char *host_pci_parse_address(const char *text);

/* host_pci_read: Returns: false if there is no such device. */
bool host_pci_read(const HostCheck *hc, const char *bdf, PCIFacts *facts);

uint16_t host_pci_word(const PCIFacts *facts, unsigned int offset);
uint32_t host_pci_long(const PCIFacts *facts, unsigned int offset);
bool host_pci_is_bridge(const HostCheck *hc, const char *bdf);

/* host_pci_whole: could all of the configuration space be read? */
bool host_pci_whole(const PCIFacts *facts);

/* host_group_others: the other devices of the group, bridges left out */
GPtrArray *host_group_others(const HostCheck *hc, const char *bdf);

/* host_tsm_names: TSMs that a device can be connected to */
GPtrArray *host_tsm_names(const HostCheck *hc);

/* host.c, kvm.c, device.c, vfio.c, bars.c: the checks */

void host_check_kvm(HostCheck *hc, const char *cpu_flags);
void host_check_host(HostCheck *hc);
void host_check_device(HostCheck *hc);
void host_check_vfio(HostCheck *hc, const PCIFacts *facts);
void host_check_bars(HostCheck *hc, const PCIFacts *facts);

/* prepare.c */

/**
 * host_prepare: print the commands that make a device ready
 * @hc: run with a device
 * @out: where to; a script for sh
 *
 * Runs nothing.  Prints no command for what is done already.
 *
 * Returns: false if the device cannot be made ready; a message is in @why, to
 *     be freed.
 */
bool host_prepare(const HostCheck *hc, FILE *out, char **why);

#endif /* TDI_HOST_CHECK_H */
