# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# However it ends, a TDI's reach of private memory ends with it, by what the page
# tables of the IOMMU say in L0. The other device of the guest never has it.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

# reported PRESENT: query-tdi says how much private memory it reaches, or nothing
reported()
{
	qmp_ok query-tdi
	case $1:$qmp_answer in
	yes:*'"private-dma": '[1-9]*) ;;
	no:*'"private-dma"'*) fail "private-dma is still told: $qmp_answer" ;;
	yes:*) fail "private-dma is not told: $qmp_answer" ;;
	esac
}

end_monitor()
{
	request tdi-unbind '{"id": "d0"}'
	changed run hidden monitor
}

end_disconnect()
{
	cat "/sys/bus/pci/devices/$tdi/tsm/connect" \
		>"/sys/bus/pci/devices/$tdi/tsm/disconnect" ||
		fail "disconnect failed"
	changed run hidden host
}

end_reset()
{
	echo 1 >"/sys/bus/pci/devices/$tdi/reset" || fail "reset failed"
	changed run hidden host
}

end_fault()
{
	tdi tdi-dev x-fault-error true
	changed run error device-error
}

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	open)
		qmp_from_here
		reaches tdi-dev "$2"
		holds "$frame"
		reaches_not nvme-tdi "$2"
		reported yes
		;;
	closed)
		reaches_not tdi-dev "$2"
		reaches_not nvme-tdi "$2"
		;;
	end)
		qmp_from_here
		"end_$2"
		reaches_not tdi-dev "$3"
		[ "$2" = fault ] || reported no
		;;
	connect) connect_tsm "$tdi" ;;
	*) fail "L2 asks for '$*'" ;;
	esac
}

tdi=$(dev tdi-dev)
nvme=$(dev nvme-tdi)
connect_tsm "$tdi"
connect_tsm "$nvme"
bind_vfio "$tdi"
bind_vfio "$nvme"
sw_protected
L2_MEM=256
# shellcheck disable=SC2086 # QMP_ARGS and TDI_TRACE hold words
l2_start private-dma-ends -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=d0,host="$tdi",iommufd=i0,private=on \
	-device vfio-pci,id=d1,host="$nvme",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
quiet_qemu
gone "$tdi" tdi-dev
check_disk "$nvme"
