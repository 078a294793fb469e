# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The port of a TDI finds its link broken, and the kernel recovers from that by a
# reset of all that is below: the TDI is stopped before, and QEMU is told. It stops
# the guest, as with any device that had an error. The device can be bound again.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

# port BDF: what L0 calls the port above.
port()
{
	port_path=$(readlink -f "/sys/bus/pci/devices/$1")
	port_slot=${port_path%/*}
	port_slot=${port_slot##*:}
	echo "rp$((0x${port_slot%.*}))"
}

on_ask()
{
	qmp_find "TDI_STATE_CHANGED.*\"new\": \"$1\"|\"new\": \"$1\".*TDI_STATE_CHANGED"
	qmp_from_here
	bound "$tdi" || fail "the host does not see the TDI bound"
	l0 pcie_aer_inject_error "$(port "$tdi")" DLP
	say "L0 says $l0_answer"
	changed "$1" hidden host
	! bound "$tdi" || fail "the TDI is still bound"
	qmp_ok query-tdi
	qmp_has '"state": "hidden"' '"kvm": false'
	gone "$tdi" tdi-dev
	echo '{"execute": "quit"}' >&8
	answer=
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
L2_APPEND="lab.state=$LAB_STATE"
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-recovery $CGS $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=d0,host="$tdi",iommufd=i0,private=on
qmp_open
l2_wait
[ "$l2_exit" = 0 ] || fail "${l2_why:-QEMU left with $l2_exit}"
gone "$tdi" tdi-dev
# What the recovery denied is allowed again.
VFIO_SELFTESTS_BDF=$tdi /lab/selftests/vfio_pci_tdi_test \
	-t second_bind_is_refused >/out/selftest.txt 2>&1 ||
	fail "no TDI can be bound after the recovery: $(tail -n 3 /out/selftest.txt)"
gone "$tdi" tdi-dev
