# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# stop and cont, device_del, system_reset and quit in each state of a TDI. Each
# machine has one state: it is reached three times, and ends in each of the ways.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

# see STATE: hardware, host, QEMU and the last event agree about it, and what the
# guest takes to be private is.
see()
{
	if [ "$1" != config-unlocked ]; then
		qmp_find "TDI_STATE_CHANGED.*\"new\": \"$1\"|\"new\": \"$1\".*TDI_STATE_CHANGED"
		if [ "$1" = error ]; then
			qmp_has '"reason": "device-error"'
		else
			qmp_has '"reason": "guest"'
		fi
		bound "$nvme" || fail "the host does not see the TDI bound in $1"
	fi
	hold "$1"
}

# hold STATE: nothing has changed.
hold()
{
	qmp_from_here
	tdi_is nvme-tdi "$(echo "$1" | tr 'a-z-' 'A-Z_')"
	qmp_ok query-tdi
	qmp_has "\"state\": \"$1\"" '"kvm": true' '"busy": false'
	case $1 in
	run | error) qmp_has '"attribute": "private"' ;;
	*) qmp_has '"attribute": "shared"' ;;
	esac
}

# ended REASON: it has left the state in this way, and nothing is left of it.
ended()
{
	if [ "$state" = config-unlocked ]; then
		! tail -n +$((qmp_mark + 1)) $QMP_LOG | grep TDI_ >&2 ||
			fail "an event of an unlocked TDI after $1"
	else
		changed "$state" config-unlocked "$1"
	fi
	gone "$nvme" nvme-tdi
	say "$state, $1: unlocked, and told so"
}

# Steps of the host; all others are the guest's, see there.
step_pause()
{
	qmp_ok stop
	hold "$state"
	qmp_ok cont
	hold "$state"
}

step_del()
{
	qmp_ok device_del '{"id": "d0"}'
}

step_deleted()
{
	qmp_find '"event": "DEVICE_DELETED".*"d0"|"d0".*"event": "DEVICE_DELETED"'
	ended unplug
	qmp_ok device_add "{\"driver\": \"vfio-pci\", \"id\": \"d0\", \"bus\": \"rp0\",
		\"host\": \"$nvme\", \"iommufd\": \"i0\", \"private\": true}"
}

# device_del while a slow lock is under way: refused, and possible afterwards.
step_hasty()
{
	tdi nvme-tdi x-fault-delay-ms 800
	# In one go: the lock is slow, but this host may be slower.
	echo '{"execute": "tdi-bind", "arguments": {"id": "d0"}}' \
		'{"execute": "device_del", "id": "hasty", "arguments": {"id": "d0"}}' >&8
	qmp_find '"id": "hasty"'
	qmp_has '"class": "GenericError"' "of the monitor (bind) is not done"
	changed config-unlocked config-locked monitor
	tdi nvme-tdi x-fault-delay-ms 0
	state=config-locked
	step_del
}

step_reset()
{
	qmp_ok system_reset
	answer=
}

step_quit()
{
	echo '{"execute": "quit"}' >&8
	answer=
}

# next: the host's steps up to one of the guest.
next()
{
	while :; do
		next_step=${steps%% *}
		steps=${steps#* }
		case $next_step in
		see) see "$state" ;;
		booted) ended reset ;;
		pause | del | deleted | hasty) "step_$next_step" ;;
		reset | quit)
			"step_$next_step"
			return
			;;
		*)
			answer=$next_step
			return
			;;
		esac
	done
}

on_ask()
{
	case $1 in
	next) next ;;
	fault) tdi nvme-tdi x-fault-error true ;;
	bound) bound "$nvme" || fail "the host does not see the TDI bound" ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

# machine STATE [LAST STEPS OF THE GUEST]
machine()
{
	state=$1
	steps="$1 see pause $1-still del gone deleted there $1 see reset \
booted $1 see ${2:+$2 }quit "
	bind_vfio "$nvme"
	# The one blank keeps the default, -no-reboot, away.
	L2_REBOOT=" "
	# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
	l2_start tdi-qmp-states $CGS $QMP_ARGS $TDI_TRACE \
		-device pcie-root-port,id=rp0,chassis=1,slot=1 \
		-device vfio-pci,id=d0,bus=rp0,host="$nvme",iommufd=i0,private=on
	qmp_open
	l2_wait
	[ "$l2_verdict" = killed ] || fail "${l2_why:-L2 was $l2_verdict}"
	[ "$l2_exit" = 0 ] || fail "QEMU left with $l2_exit"
	state=$1
	ended exit
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
sw_protected
machine error
machine run
machine config-locked
machine config-unlocked "hasty gone deleted there disk"
quiet_qemu
check_disk "$nvme"
