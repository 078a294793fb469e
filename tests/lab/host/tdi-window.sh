# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest closes one of the two windows above its running device.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# info_tdi: what the monitor of L2 says of its TDI, in $info.
info_tdi()
{
	: >/run/monitor-l2.log
	monitor info tdi
	info_wait=0
	until grep -q 'binds,' /run/monitor-l2.log; do
		info_wait=$((info_wait + 1))
		[ $info_wait -lt 300 ] || fail "no answer to info tdi"
		sleep 0.1
	done
	info=$(tr -d '\r' </run/monitor-l2.log)
	echo "$info" >>/out/info-tdi.txt
}

on_ask()
{
	case $1 in
	hidden)
		info_tdi
		case $info in
		*"memory slot"* | *", DMA"*) fail "a hidden TDI can be reached: $info" ;;
		esac
		;;
	shown)
		info_tdi
		case $info in
		*"memory slot, DMA"*) ;;
		*) fail "the TDI is not back: $info" ;;
		esac
		;;
	*) host_sees "$tdi" tdi-dev "$1" ;;
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
