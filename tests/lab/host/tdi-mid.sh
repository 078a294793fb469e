# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI ends in the middle of a request of the guest: the host disconnects or resets
# it, or it falls into ERROR. LAB_STEPS has REQUEST-END for each. Which of the two
# comes first is open; what comes of it is not.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

MID_TRIES=40

# busy: QEMU is at the request. False if it does not come, or is over already.
busy()
{
	busy_tries=0
	while :; do
		qmp_ok query-tdi
		case $qmp_answer in
		*'"busy": true'*) return 0 ;;
		esac
		busy_tries=$((busy_tries + 1))
		[ $busy_tries -lt $MID_TRIES ] || return 1
	done
}

end_disconnect()
{
	cat "/sys/bus/pci/devices/$nvme/tsm/connect" \
		>"/sys/bus/pci/devices/$nvme/tsm/disconnect" ||
		fail "disconnect failed"
}

end_reset()
{
	echo 1 >"/sys/bus/pci/devices/$nvme/reset" || fail "reset failed"
}

# The knob has an effect on what is locked only, so that it is then that it ends.
end_fault()
{
	fault_tries=0
	until tdi nvme-tdi state && [ "$l0_answer" != '"CONFIG_UNLOCKED"' ]; do
		fault_tries=$((fault_tries + 1))
		[ $fault_tries -lt $MID_TRIES ] || return 0
	done
	began=$(uptime_now)
	tdi nvme-tdi x-fault-error true
}

# slow: all messages take so long, and a report that comes in single bytes takes
# all the time that it gets.
slow()
{
	tdi nvme-tdi x-fault-delay-ms 600
	[ "$step" != bind-fault ] || tdi nvme-tdi x-fault-single-bytes true
	qmp_from_here
}

mid()
{
	if busy; then
		began=$(uptime_now)
		"end_${step#*-}"
	else
		answer=again
	fi
}

calm()
{
	tdi nvme-tdi x-fault-delay-ms 0
	tdi nvme-tdi x-fault-single-bytes false
}

# settled: QEMU has nothing to do any more, and knows. The answer is the state.
settled()
{
	calm
	case $step in
	unbind-fault) settled_ok="config-unlocked" ;;
	*-fault) settled_ok="error" ;;
	*) settled_ok="hidden config-unlocked" ;;
	esac
	settled_tries=0
	while :; do
		qmp_ok query-tdi
		answer=$(echo "$qmp_answer" | sed -n 's/.*"state": "\([a-z-]*\)".*/\1/p')
		case $qmp_answer:" $settled_ok " in
		*'"busy": false'*":"*" $answer "*) break ;;
		esac
		settled_tries=$((settled_tries + 1))
		[ $settled_tries -lt 300 ] || fail "$step: QEMU says $qmp_answer"
		sleep 0.05
	done
	row "$step: $answer, told after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	if [ "$answer" != config-unlocked ]; then
		qmp_find "TDI_STATE_CHANGED.*\"new\": \"$answer\"|\"new\": \"$answer\".*TDI_STATE_CHANGED"
	fi
	[ "$answer" = error ] || gone "$nvme" nvme-tdi
	qmp_ok query-status
	qmp_has '"status": "running"'
}

on_ask()
{
	case $1 in
	next)
		step=${steps%% *}
		steps=${steps#* }
		answer=$step
		;;
	slow | mid | calm | settled) "$1" ;;
	connect)
		[ -n "$(cat "/sys/bus/pci/devices/$nvme/tsm/connect")" ] ||
			connect_tsm "$nvme"
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

steps="$LAB_STEPS end "
nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-mid $CGS $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=d0,host="$nvme",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
# Of a bind that ended in the middle there may be no report; that is told once.
sed -i '/the interface report is of no use/d' /run/qemu-l2.log
quiet_qemu
gone "$nvme" nvme-tdi
