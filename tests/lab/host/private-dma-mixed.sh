# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Two TDIs in one VM, a disk with private=on that is never locked, and a device with
# fd-bars=on: who runs reaches private memory, the others do not at any time.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# reach PAGE NAME...: these devices have the page, in one frame, and no other.
reach()
{
	reach_page=$1
	shift
	reach_frame=
	for reach_name in tdi-dev tdi-large nvme-tdi tdi-vfs; do
		case " $* " in
		*" $reach_name "*)
			reaches "$reach_name" "$reach_page"
			holds "$frame"
			[ "$frame" = "${reach_frame:-$frame}" ] ||
				fail "$reach_page is at $reach_frame and at $frame"
			reach_frame=$frame
			;;
		*) reaches_not "$reach_name" "$reach_page" ;;
		esac
	done
}

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	none) reach "$2" ;;
	first) reach "$2" tdi-dev ;;
	second) reach "$2" tdi-large ;;
	both) reach "$2" tdi-dev tdi-large ;;
	all) reach "$2" tdi-dev tdi-large nvme-tdi tdi-vfs ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

first=$(dev tdi-dev)
second=$(dev tdi-large)
disk=$(dev nvme-tdi)
plain=$(dev tdi-vfs)
for bdf in "$first" "$second" "$disk" "$plain"; do
	connect_tsm "$bdf"
	bind_vfio "$bdf"
done
sw_protected
L2_MEM=256
# shellcheck disable=SC2086 # TDI_TRACE holds words
l2_run private-dma-mixed -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $TDI_TRACE \
	-device vfio-pci,host="$first",iommufd=i0,private=on \
	-device vfio-pci,host="$second",iommufd=i0,private=on \
	-device vfio-pci,host="$plain",iommufd=i0,fd-bars=on \
	-device vfio-pci,host="$disk",iommufd=i0,private=on
quiet_qemu
for name in tdi-dev tdi-large nvme-tdi tdi-vfs; do
	gone "$(dev $name)" $name
	tdi $name errors
	[ "$l0_answer" = 0 ] || fail "errors of $name is $l0_answer"
done
check_disk "$disk"
