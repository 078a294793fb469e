# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Memory that comes while the guest runs, is converted, and goes again, with pages
# of it left private.
. /lab/host/lib.sh

on_ask()
{
	case $1 in
	add*)
		monitor "object_add memory-backend-ram,id=hm${1#add},size=128M"
		monitor "device_add pc-dimm,id=dimm${1#add},memdev=hm${1#add}"
		;;
	del*) monitor "device_del dimm${1#del}" ;;
	# QEMU lets go of it some time after the guest has.
	free*)
		monitor "object_del hm${1#free}"
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

edu=$(dev edu)
bind_vfio "$edu"
sw_protected
L2_MEM=256,slots=2,maxmem=1G
# shellcheck disable=SC2086 # CGS holds words
l2_run ram-hotplug $CGS \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
! grep -i error /run/monitor-l2.log >&2 || fail "$(grep -i error /run/monitor-l2.log)"
