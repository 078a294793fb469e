# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The host takes away a TDI in LAB_STATE: it turns off the VFs of which it is one,
# unbinds its driver, removes it, it is unplugged, or its TSM goes. LAB_HOW says which.
# The TDI is stopped before anybody asks QEMU to let go of it, and QEMU is told, with no
# request of the guest in between. What can come back comes back, and can be locked.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

sys=/sys/bus/pci/devices

# Each waits until QEMU has closed the device.
take_away()
{
	case $how in
	vfs) echo 0 >"$sys/$pf/sriov_numvfs" ;;
	tsm) insmod /lab/host_acts.ko "departs=$tdi" ;;
	driver) echo "$tdi" >"$sys/$tdi/driver/unbind" ;;
	remove) echo 1 >"$sys/$tdi/remove" ;;
	unplug)
		l0 device_del tdi-dev
		while [ -e "$sys/$tdi" ]; do sleep 0.1; done ;;
	esac
}

# lose STATE
lose()
{
	qmp_find "TDI_STATE_CHANGED.*\"new\": \"$1\"|\"new\": \"$1\".*TDI_STATE_CHANGED"
	qmp_from_here
	bound "$tdi" || fail "the host does not see the TDI bound"
	began=$(uptime_now)
	aside take_away
	changed "$1" hidden host
	row "$1, $how: told after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	qmp_ok query-tdi
	qmp_has '"state": "hidden"' '"kvm": false'
	qmp_ok query-status
	qmp_has '"status": "running"'
}

# gone_by_now: QEMU has closed the device, and what was done to it is done.
gone_by_now()
{
	aside_ended "'$how'"
	case $how in
	driver) ;;
	tsm) [ -z "$(ls /sys/class/tsm)" ] || fail "the TSM is still there" ;;
	*) [ ! -e "$sys/$tdi" ] || fail "the device is still there" ;;
	esac
}

# after: what can come back does so once it has left its slot in the guest.
after()
{
	case $how in
	vfs | driver | remove | unplug) answer=slot ;;
	esac
}

# plug: another one into the port, which L0 calls by its slot. The kernel turns off the
# port's power after it has forgotten the device, and then it is gone in L0.
plug()
{
	port=$(sed -n 's/^tdi-dev \(.*\)\.0/\1/p' /lab/devices)
	plug_wait=0
	until [ -e "$sys/$tdi/tsm/connect" ]; do
		plug_wait=$((plug_wait + 1))
		[ $plug_wait -lt 300 ] || fail "no device comes: $l0_answer"
		l0 "device_add tdi-testdev,id=tdi-dev,bus=rp$((0x$port)),tdisp=on,x-tdisp-clear=on"
		sleep 0.2
	done
}

back()
{
	qmp_find '"event": "DEVICE_DELETED"'
	gone_by_now
	case $how in
	vfs) cat "$sys/$pf/sriov_totalvfs" >"$sys/$pf/sriov_numvfs" ;;
	driver) gone "$tdi" tdi-dev ;;
	remove)
		echo 1 >/sys/bus/pci/rescan
		connect_tsm "$tdi"
		;;
	unplug)
		plug
		connect_tsm "$tdi"
		;;
	esac
	bind_vfio "$tdi"
	qmp_from_here
	qmp_ok device_add "{\"driver\": \"vfio-pci\", \"id\": \"d0\", \"host\": \"$tdi\",
		\"bus\": \"rp0\", \"iommufd\": \"i0\", \"private\": true}"
	how=back
}

# locked: the one that has come
locked()
{
	changed config-unlocked config-locked guest
	bound "$tdi" || fail "the host does not see the TDI bound again"
}

on_ask()
{
	case $1 in
	"$LAB_STATE") lose "$1" ;;
	after | back | locked) "$1" ;;
	*) fail "L2 asks for '$1'" ;;
	esac
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
L2_APPEND="lab.how=$how lab.state=$LAB_STATE"
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-lost $CGS $QMP_ARGS $TDI_TRACE \
	-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
	-device pcie-root-port,id=rp0,chassis=1,slot=1 \
	-device vfio-pci,id=d0,host="$tdi",bus=rp0,iommufd=i0,private=on
qmp_open
l2_wait
l2_good
# The slot wants a reset of what has left it, and whoever takes it away has its lock.
sed -i '/Cannot reset device/d' /run/qemu-l2.log
quiet_qemu
case $how in
back) ! bound "$tdi" || fail "it is still bound" ;;
*) gone_by_now ;;
esac
