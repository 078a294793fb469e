# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The host takes away a TDI in RUN: it turns off the VFs of which it is one, unbinds
# its driver, removes it, or it is unplugged. LAB_HOW says which. The TDI is stopped
# before anybody asks QEMU to let go of it, and QEMU is told.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

sys=/sys/bus/pci/devices

# Each waits until QEMU has closed the device.
take_away()
{
	case $how in
	vfs) echo 0 >"$sys/$pf/sriov_numvfs" ;;
	driver) echo "$tdi" >"$sys/$tdi/driver/unbind" ;;
	remove) echo 1 >"$sys/$tdi/remove" ;;
	unplug)
		l0 device_del tdi-dev
		while [ -e "$sys/$tdi" ]; do sleep 0.1; done ;;
	esac
}

on_ask()
{
	[ "$1" = run ] || fail "L2 asks for '$1'"
	qmp_find 'TDI_STATE_CHANGED.*"new": "run"|"new": "run".*TDI_STATE_CHANGED'
	qmp_from_here
	bound "$tdi" || fail "the host does not see the TDI bound"
	began=$(uptime_now)
	take_away &
	taker=$!
	changed run hidden host
	row "run, $how: told after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	qmp_ok query-status
	qmp_has '"status": "running"'
}

how=$LAB_HOW
if [ "$how" = vfs ]; then
	pf=$(dev tdi-vfs)
	make_vf "$pf"
	connect_tsm "$pf"
	tdi=$vf
else
	tdi=$(dev tdi-dev)
	connect_tsm "$tdi"
fi
bind_vfio "$tdi"
sw_protected
L2_APPEND="lab.how=$how"
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-lost $CGS $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=d0,host="$tdi",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
wait "$taker" || fail "'$how' failed"
[ "$how" = driver ] || [ ! -e "$sys/$tdi" ] || fail "the device is still there"
