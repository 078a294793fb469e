# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# An NVMe disk and an edu device, as any guest uses them.
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
say "edu: registers and DMA are right"
disk_test 64
say "nvme: 64 MiB written and read back through the stock driver"
words=$(kernel_arg lab.ask)
[ -z "$words" ] || ask "$words"
