# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# device_add and device_del of a private=on device, also from the private view,
# and power-off with the device private.
. /lab/host/lib.sh

on_ask()
{
	case $1 in
	add) monitor "device_add vfio-pci,id=d0,bus=rp0,host=$edu,iommufd=i0,private=on" ;;
	del) monitor device_del d0 ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

edu=$(dev edu)
bind_vfio "$edu"
sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run hotplug $CGS -device pcie-root-port,id=rp0,chassis=1,slot=1
quiet_qemu
