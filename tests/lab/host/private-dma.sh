# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest whose RAM is private, and a TDI of it. With LAB_VF the TDI is a VF, whose
# PF is to notice nothing of all that.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# pf_untouched PAGE: the PF has what it had, and is as it was.
pf_untouched()
{
	[ -n "$pf" ] || return 0
	reaches_not tdi-vfs "$1"
	tdi_is tdi-vfs CONFIG_UNLOCKED
	for counter in dma-rejected dma-faults errors; do
		tdi tdi-vfs $counter
		[ "$l0_answer" = 0 ] || fail "$counter of the PF is $l0_answer"
	done
}

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	open)
		tdi_is "$name" RUN
		reaches "$name" "$2"
		holds "$frame"
		pf_untouched "$2"
		;;
	closed)
		reaches_not "$name" "$2"
		pf_untouched "$2"
		;;
	error)
		tdi_is "$name" RUN
		tdi "$name" x-fault-error true
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

pf=
if [ "${LAB_VF:-0}" = 1 ]; then
	pf=$(dev tdi-vfs)
	make_vf "$pf"
	connect_tsm "$pf"
	tdi=$vf
	name="tdi-vfs/vf0"
	id=1234:7d16
else
	tdi=$(dev tdi-dev)
	connect_tsm "$tdi"
	name="tdi-dev"
	id=1234:7d15
fi
bind_vfio "$tdi"
sw_protected
L2_MEM=256
L2_APPEND=lab.tdi=$id
# shellcheck disable=SC2086 # TDI_TRACE holds words
l2_run private-dma -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $TDI_TRACE \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
quiet_qemu
gone "$tdi" "$name"
