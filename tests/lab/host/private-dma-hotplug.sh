# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Memory modules that come before a TDI is locked and while it runs, and one that
# goes while two TDIs run: each module's private pages are in reach of both devices,
# in the same frames, as long as the module is there.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

# both PAGE: both devices reach it, in the frame that the guest wrote to.
both()
{
	reaches tdi-dev "$1"
	holds "$frame"
	both_frame=$frame
	reaches tdi-large "$1"
	[ "$frame" = "$both_frame" ] || fail "$1 is at $both_frame and at $frame"
}

# filled PAGE: what the first device has written is where both reach it.
filled()
{
	reaches tdi-large "$1"
	both_frame=$frame
	reaches tdi-dev "$1"
	[ "$frame" = "$both_frame" ] || fail "$1 is at $both_frame and at $frame"
	l0 xp /1gx "$frame"
	case $l0_answer in
	*0x5a5a5a5a5a5a5a5a) ;;
	*) fail "at $frame is not what the device wrote: $l0_answer" ;;
	esac
}

add()
{
	qmp_ok object-add "{\"qom-type\": \"memory-backend-ram\", \"id\": \"hm$1\",
		\"size\": 134217728}"
	qmp_ok device_add "{\"driver\": \"pc-dimm\", \"id\": \"dimm$1\",
		\"memdev\": \"hm$1\"}"
}

# remove N: until QEMU has let go of it
remove()
{
	qmp_from_here
	qmp_ok device_del "{\"id\": \"dimm$1\"}"
	qmp_find "\"event\": \"DEVICE_DELETED\".*dimm$1"
	qmp_ok object-del "{\"id\": \"hm$1\"}"
}

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	add) add "$2" ;;
	remove) remove "$2" ;;
	closed)
		reaches_not tdi-dev "$2"
		reaches_not tdi-large "$2"
		;;
	first)
		reaches tdi-dev "$2"
		holds "$frame"
		reaches_not tdi-large "$2"
		;;
	second)
		reaches_not tdi-dev "$2"
		reaches tdi-large "$2"
		holds "$frame"
		;;
	both) both "$2" ;;
	filled) filled "$2" ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi_a=$(dev tdi-dev)
tdi_b=$(dev tdi-large)
for bdf in "$tdi_a" "$tdi_b"; do
	connect_tsm "$bdf"
	bind_vfio "$bdf"
done
sw_protected
L2_MEM=256,slots=2,maxmem=1G
# shellcheck disable=SC2086 # QMP_ARGS and TDI_TRACE hold words
l2_start private-dma-hotplug -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=da,host="$tdi_a",iommufd=i0,private=on \
	-device vfio-pci,id=db,host="$tdi_b",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
quiet_qemu
gone "$tdi_a" tdi-dev
gone "$tdi_b" tdi-large
