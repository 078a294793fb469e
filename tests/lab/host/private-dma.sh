# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest whose RAM is private, and a TDI of it. LAB_PRIVATE_DMA says whether this
# host lets DMA of TDIs reach private memory.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

on_ask()
{
	case $1 in
	error)
		tdi_is tdi-dev RUN
		tdi tdi-dev x-fault-error true
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
L2_MEM=256
L2_APPEND="lab.dma=${LAB_PRIVATE_DMA:-0}"
# shellcheck disable=SC2086 # TDI_TRACE holds words
l2_run private-dma -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $TDI_TRACE \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
quiet_qemu
gone "$tdi" tdi-dev
