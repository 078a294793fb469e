# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A bind is held: something else is wanted of the device first, and takes as long as
# this script wants (the module tsm_hold). What the monitor is asked meanwhile is
# answered before the bind is let go of, so that no clock decides. How long it took is
# no more than a figure. LAB_HOLD: for so many seconds it has been held before the last.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

ID='{"id": "d0"}'

# hold, release: of the device, whatever is wanted of its TSM
hold()
{
	insmod /lab/tsm_hold.ko device="$tdi" || fail "$tdi cannot be held"
}

release()
{
	rmmod tsm_hold || fail "$tdi is not let go of"
}

# held [COMMAND]: that has been answered, and the bind is in progress, as is only right.
# That QEMU says so is one more answer.
held()
{
	[ $# -eq 0 ] || row "$who: $1 answered after" \
		"$(awk -v t="$qmp_took" 'BEGIN { print t / 100 }') s"
	qmp_ok query-tdi
	qmp_has '"busy": true' '"state": "config-unlocked"'
}

# answered COMMAND [ARGUMENTS]: of QMP, hmp_answered COMMAND: of the human monitor
answered()
{
	qmp_ok "$@"
	held "$1"
}

hmp_answered()
{
	hmp "$@"
	held "$*"
}

# commands REASON: what does not end a bind. REASON is why device_del is refused.
commands()
{
	held
	answered stop
	hmp_answered info registers
	answered cont
	hmp_answered info registers
	answered inject-nmi
	qmp_err GenericError "$1" device_del "$ID"
	held device_del
}

# long: true if there is the time, which has passed then
long()
{
	[ -n "${LAB_HOLD:-}" ] || return 1
	sleep "$LAB_HOLD"
	who="$who for $LAB_HOLD s"
}

# for_long REASON: the same, and if there is the time, once more later
for_long()
{
	commands "$1"
	if long; then
		commands "$1"
	fi
}

# by_monitor, by_guest: whose bind it is. The guest has begun its own.
by_monitor()
{
	who="a bind of the monitor in progress"
	qmp_from_here
	hold
	request tdi-bind "$ID"
	for_long "of the monitor (bind) is not done"
	release
	changed config-unlocked config-locked monitor
	completed
	request tdi-unbind "$ID"
	changed config-locked config-unlocked monitor
	completed
	gone "$tdi" tdi-dev
}

by_guest()
{
	who="a bind of the guest in progress"
	tdi_until '"busy": true' "the guest's bind does not come"
	qmp_from_here
	# The root bus has no way to unplug.
	for_long hotplug
	release
	changed config-unlocked config-locked guest
	bound "$tdi" || fail "the host does not see the TDI bound"
}

# The bind of the first of them in the middle of which a tdi-unbind comes is the last
# before it has its end: no later one gets ahead of it.
unbinds()
{
	tdi tdi-dev x-fault-delay-ms 100
	for unbinds_round in 1 2 3 4 5 6 7 8; do
		request tdi-unbind "$ID"
		completed
		unbinds_what=$(awk -v nr="$qmp_request" '
			/"return"/ && $0 ~ "\"request\": " nr "[,}]" { on = 1 }
			/TDI_STATE_CHANGED/ {
				match($0, /"new": "[a-z-]*"/)
				state = substr($0, RSTART + 8, RLENGTH - 9)
				locks += on && state == "config-locked"
			}
			/TDI_REQUEST_COMPLETED/ && $0 ~ "\"request\": " nr "[,}]" {
				print state, locks + 0
				exit
			}' "$QMP_LOG")
		case $unbinds_what in
		"hidden 0" | "hidden 1" | "config-unlocked 0" | "config-unlocked 1") ;;
		*) fail "after tdi-unbind number $unbinds_round: $unbinds_what" ;;
		esac
		say "tdi-unbind number $unbinds_round of a guest in a loop: $unbinds_what"
	done
	tdi tdi-dev x-fault-delay-ms 0
}

life()
{
	lives=$((lives + 1))
	case $lives in
	1) answer=commands ;;
	2) answer=quit ;;
	esac
}

# reset: is accepted at once, and done once the device is done.
reset()
{
	who="a bind of the monitor in progress"
	qmp_from_here
	hold
	request tdi-bind "$ID"
	held
	long || :
	qmp_ok system_reset
	held system_reset
	hmp_answered info registers
	! tail -n +$((qmp_mark + 1)) "$QMP_LOG" | grep '"event": "RESET"' ||
		fail "the VM was reset while the TSM was at work"
	release
	qmp_find '"event": "RESET"'
	qmp_ok query-tdi
	qmp_has '"busy": false' '"state": "config-unlocked"'
	gone "$tdi" tdi-dev
	answer=
}

# end_quit: QEMU ends but for the thread that is in the kernel with the bind, which
# waits for what holds it. That keeps the process in the table, without its memory.
end_quit()
{
	who="a bind of the monitor in progress"
	qmp_from_here
	hold
	request tdi-bind "$ID"
	held
	long || :
	quit_pid=$(l2_pid)
	quit_began=$(uptime_now)
	qmp_ok quit
	row "$who: quit answered after" "$(awk -v t="$qmp_took" 'BEGIN { print t / 100 }') s"
	qmp_find '"event": "SHUTDOWN"'
	quit_wait=0
	until grep -q '^State:.*Z' "/proc/$quit_pid/status"; do
		quit_wait=$((quit_wait + 1))
		[ $quit_wait -lt 600 ] || fail "QEMU does not end before the bind"
		sleep 0.05
	done
	row "$who: quit has ended QEMU after" \
		"$(awk -v a="$quit_began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	release
	answer=
}

on_ask()
{
	case $1 in
	life | hold | by_monitor | by_guest | unbinds | reset) "$1" ;;
	quit) end_quit ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
lives=0
# The one blank keeps the default, -no-reboot, away.
L2_REBOOT=" "
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-slow $CGS $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=d0,host="$tdi",iommufd=i0,private=on
qmp_open
l2_wait
[ $lives -eq 2 ] || fail "L2 lived $lives times: ${l2_why:-no reason}"
[ "$l2_exit" = 0 ] || fail "QEMU left with $l2_exit"
gone "$tdi" tdi-dev
sed -i '/the interface report is of no use/d' /run/qemu-l2.log
quiet_qemu
