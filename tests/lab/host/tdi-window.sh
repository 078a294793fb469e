# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest closes one of the two windows above its running device.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

on_ask()
{
	case $1 in
	bound) bound "$tdi" || fail "the host does not see the TDI bound" ;;
	unbound) gone "$tdi" tdi-dev ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-window $CGS $TDI_TRACE -device pcie-root-port,id=rp0,chassis=1,slot=1 \
	-device vfio-pci,id=d0,bus=rp0,host="$tdi",iommufd=i0,private=on
quiet_qemu
gone "$tdi" tdi-dev
