# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# An ordinary VM whose BARs are file descriptors to QEMU, and nothing else.
. /lab/host/lib.sh

on_ask()
{
	[ "$1" = maps ] || fail "L2 asks for '$1'"
	bar_maps=$(host_maps)
	[ -z "$bar_maps" ] || fail "QEMU maps a device: $bar_maps"
}

nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
L2_APPEND=lab.ask=maps
l2_run assign -object iommufd,id=i0 \
	-device vfio-pci,host="$nvme",iommufd=i0,fd-bars=on \
	-device vfio-pci,host="$edu",iommufd=i0,fd-bars=on
quiet_qemu
check_disk "$nvme"
