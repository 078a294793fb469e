# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The host takes a TDI back without asking QEMU: it disconnects the device from its
# TSM, or resets it, in LOCKED and in RUN. Or the device falls into ERROR by itself,
# and nobody asks it. QEMU is told each time, and so are management and the guest. The
# guest waits for this script meanwhile, so that no request of its own makes QEMU look.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

# told STATE REASON HOW: QEMU says so, without being asked. How long that took is no
# more than a figure.
told()
{
	changed "$state" "$1" "$2"
	row "$state, $3: told after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	qmp_ok query-tdi
	qmp_has "\"state\": \"$1\""
	qmp_ok query-status
	qmp_has '"status": "running"'
}

# ended HOW: unbound by the host, and out of the guest's reach
ended()
{
	told hidden host "$1"
	qmp_ok query-tdi
	qmp_has '"kvm": false'
	gone "$nvme" nvme-tdi
}

# see STATE
see()
{
	state=$1
	qmp_find "TDI_STATE_CHANGED.*\"new\": \"$1\"|\"new\": \"$1\".*TDI_STATE_CHANGED"
	qmp_from_here
	bound "$nvme" || fail "the host does not see the TDI bound in $1"
}

step_disconnect()
{
	began=$(uptime_now)
	cat "/sys/bus/pci/devices/$nvme/tsm/connect" \
		>"/sys/bus/pci/devices/$nvme/tsm/disconnect" ||
		fail "disconnect failed"
	ended disconnect
}

# The same while the TSM asks a slow device for its state, which is not waited for.
# That it does so by then is likely, and makes no difference but to the figure.
step_polled()
{
	tdi nvme-tdi x-fault-delay-ms 900
	sleep 0.7
	tdi nvme-tdi x-fault-delay-ms 0
	began=$(uptime_now)
	cat "/sys/bus/pci/devices/$nvme/tsm/connect" \
		>"/sys/bus/pci/devices/$nvme/tsm/disconnect" ||
		fail "disconnect failed"
	ended "disconnect of a slow device"
}

step_connect()
{
	connect_tsm "$nvme"
}

step_reset()
{
	began=$(uptime_now)
	echo 1 >"/sys/bus/pci/devices/$nvme/reset" || fail "reset failed"
	ended reset
}

step_fault()
{
	began=$(uptime_now)
	tdi nvme-tdi x-fault-error true
	told error device-error fault
	bound "$nvme" || fail "the host has unbound a TDI in error"
}

on_ask()
{
	while :; do
		answer=${steps%% *}
		steps=${steps#* }
		case $answer in
		see) see "$state" ;;
		disconnect | polled | connect | reset | fault) "step_$answer" ;;
		driver)
			state=run
			return
			;;
		*)
			state=$answer
			return
			;;
		esac
	done
}

steps="config-locked see disconnect gone connect unlock \
run see disconnect gone unlock connect \
run see polled gone unlock connect \
config-locked see reset gone unlock \
run see reset gone unlock \
config-locked see fault gone unlock \
run see fault gone unlock \
driver see fault failed disk "
nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-disconnect $CGS $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=d0,host="$nvme",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
quiet_qemu
gone "$nvme" nvme-tdi
check_disk "$nvme"
