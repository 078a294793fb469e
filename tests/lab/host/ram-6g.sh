# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# RAM on both sides of the hole that a machine of this size has below 4 GiB.
. /lab/host/lib.sh

edu=$(dev edu)
bind_vfio "$edu"
sw_protected
L2_MEM=6144
L2_APPEND="memmap=64K\$0x7fff0000 memmap=64K\$0x100000000 memmap=64K\$0x1ffff0000"
# shellcheck disable=SC2086 # CGS holds words
l2_run ram-6g $CGS -device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
