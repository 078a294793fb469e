# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A device takes its time for a bind, as long as the kernel lets it: each message is
# slow, and its report comes in single bytes. What the monitor is asked meanwhile is
# answered while the bind is still in progress: not by a clock, but by what query-tdi
# says afterwards. How long it took is no more than a figure.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

ID='{"id": "d0"}'
# In hundredths of a second. Far above what an answer takes, far below a bind.
SOON=1000

soon()
{
	[ "$qmp_took" -lt $SOON ] || fail "$1 took $qmp_took hundredths of a second"
	row "a bind in progress: $1 answered after" \
		"$(awk -v t="$qmp_took" 'BEGIN { print t / 100 }') s"
}

slow()
{
	tdi tdi-dev x-fault-delay-ms 700
	tdi tdi-dev x-fault-single-bytes true
}

fast()
{
	tdi tdi-dev x-fault-delay-ms 0
	tdi tdi-dev x-fault-single-bytes false
}

# held COMMAND...: it is still in progress.
held()
{
	qmp_ok query-tdi
	soon query-tdi
	qmp_has '"busy": true' '"state": "config-unlocked"'
}

# commands: what does not end it
commands()
{
	slow
	qmp_from_here
	request tdi-bind "$ID"
	soon tdi-bind
	qmp_ok stop
	soon stop
	hmp info registers
	soon "info registers"
	qmp_ok cont
	soon cont
	held
	qmp_err GenericError "(bind) is in progress" device_del "$ID"
	soon device_del
	held
	fast
	changed config-unlocked config-locked monitor
	completed
	request tdi-unbind "$ID"
	changed config-locked config-unlocked monitor
	completed
	gone "$tdi" tdi-dev
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
	slow
	qmp_from_here
	request tdi-bind "$ID"
	qmp_ok system_reset
	soon system_reset
	qmp_ok query-tdi
	soon query-tdi
	qmp_has '"state": "config-unlocked"'
	hmp info registers
	soon "info registers"
	fast
	answer=
}

end_quit()
{
	slow
	request tdi-bind "$ID"
	held
	quit_began=$(uptime_now)
	echo '{"execute": "quit"}' >&8
	answer=
}

on_ask()
{
	case $1 in
	life | commands | unbinds | reset) "$1" ;;
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
row "a bind in progress: quit has ended QEMU after" \
	"$(awk -v a="$quit_began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
fast
gone "$tdi" tdi-dev
sed -i '/the interface report is of no use/d' /run/qemu-l2.log
quiet_qemu
