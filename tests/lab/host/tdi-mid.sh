# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI ends in the middle of a request of the guest: the host disconnects or resets
# it, or its PF, or takes its driver away; or it falls into ERROR. LAB_STEPS has
# REQUEST-END for each. Which of the two comes first is open; what comes of it is not:
# the changes of state that QEMU tells are one of a few stories. QEMU tells the host's
# ends while the device is slow, and before the guest asks for anything else. The
# requests that no device has a part in, a check, or to have DMA to private memory and
# to give it up, the guest makes over and over meanwhile.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

MID_TRIES=40
sys=/sys/bus/pci/devices

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
	echo "$connect_name" >"$sys/$pf/tsm/disconnect" || fail "disconnect failed"
}

end_reset()
{
	echo 1 >"$sys/$vf/reset" || fail "reset failed"
}

end_pf()
{
	echo 1 >"$sys/$pf/reset" || fail "reset of the PF failed"
}

unbind_driver()
{
	echo "$vf" >"$sys/$vf/driver/unbind"
}

# It waits until QEMU has closed the device, which takes the guest's consent.
end_remove()
{
	aside unbind_driver
	taken=1
}

# The knob has an effect on what is locked only, so that it is then that it ends.
end_fault()
{
	fault_tries=0
	until tdi tdi-vfs/vf0 state && [ "$l0_answer" != '"CONFIG_UNLOCKED"' ]; do
		fault_tries=$((fault_tries + 1))
		[ $fault_tries -lt $MID_TRIES ] || return 0
	done
	tdi tdi-vfs/vf0 x-fault-error true
}

# slow: all messages take so long, and a report that comes in single bytes takes
# all the time that it gets.
slow()
{
	tdi tdi-vfs x-fault-delay-ms 600
	[ "$step" != bind-fault ] || tdi tdi-vfs/vf0 x-fault-single-bytes true
	qmp_from_here
}

# told: QEMU has hidden it. Of a bind there may be nothing to hide, and an unbind may
# have been faster; settled() sees to these.
told()
{
	case $step in
	bind-* | unbind-* | *-fault) ;;
	*)
		qmp_find "TDI_STATE_CHANGED.*\"new\": \"hidden\"|\"new\": \"hidden\".*TDI_STATE_CHANGED"
		row "$step: told after" \
			"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
		;;
	esac
}

# under_way: the request is
under_way()
{
	case $step in
	check-*) ;;
	dma-*) tdi_until '"private-dma-enabled": true' "$step: no private DMA" ;;
	*) busy ;;
	esac
}

mid()
{
	if under_way; then
		began=$(uptime_now)
		"end_${step#*-}"
		told
	else
		answer=again
	fi
}

calm()
{
	tdi tdi-vfs x-fault-delay-ms 0
	tdi tdi-vfs/vf0 x-fault-single-bytes false
}

# over: it is fast again, and has answered what was asked before
over()
{
	calm
	tdi_until '"busy": false' "$step: still busy"
}

# story: all changes of state since slow(), in $story
story()
{
	story=$(tail -n +$((qmp_mark + 1)) "$QMP_LOG" | awk '
		function member(name) {
			match($0, "\"" name "\": \"[a-z-]*\"")
			return substr($0, RSTART + length(name) + 5,
				RLENGTH - length(name) - 6)
		}
		/"TDI_STATE_CHANGED"/ {
			printf "%s>%s:%s ", member("old"), member("new"), member("reason")
		}')
}

# What becomes of what is locked: by the request, then by the end
LOCK="config-unlocked>config-locked:guest "
RUN="config-locked>run:guest "
HIDE="config-locked>hidden:host "
ERROR="config-locked>error:device-error "

# right: $story is one that may be, and is at its end
right()
{
	case $step in
	bind-fault) [ "$story" = "$LOCK$ERROR" ] ;;
	start-fault) [ "$story" = "$ERROR" ] ||
		[ "$story" = "${RUN}run>error:device-error " ] ;;
	unbind-fault) [ "$story" = "config-locked>config-unlocked:guest " ] ||
		[ "$story" = "${ERROR}error>config-unlocked:guest " ] ;;
	dma-fault) [ "$story" = "run>error:device-error " ] ;;
	*-fault) [ "$story" = "$ERROR" ] ;;
	# It is cut short, or was faster.
	bind-*) [ -z "$story" ] || [ "$story" = "$LOCK$HIDE" ] ;;
	# Cut short, it has started, or not: that is not known until the host has stopped it.
	start-*) [ "$story" = "$HIDE" ] || [ "$story" = "${RUN}run>hidden:host " ] ||
		[ "$story" = "config-locked>unknown:guest unknown>hidden:host " ] ;;
	# It goes on whatever the host does, and the guest knows then.
	unbind-*) [ "$story" = "config-locked>config-unlocked:guest " ] ||
		[ "$story" = "${HIDE}hidden>config-unlocked:guest " ] ;;
	dma-*) [ "$story" = "run>hidden:host " ] ;;
	*) [ "$story" = "$HIDE" ] ;;
	esac
}

# settled: QEMU has nothing to do any more, and knows. The answer is the state.
settled()
{
	calm
	settled_tries=0
	while :; do
		qmp_ok query-tdi
		story
		case $qmp_answer in
		*'"busy": false'*) ! right || break ;;
		esac
		settled_tries=$((settled_tries + 1))
		[ $settled_tries -lt 300 ] || fail "$step: after $story: $qmp_answer"
		sleep 0.05
	done
	qmp_ok query-tdi
	answer=$(echo "$qmp_answer" | sed -n 's/.*"state": "\([a-z-]*\)".*/\1/p')
	row "$step: $answer, settled after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	if [ "$answer" != error ]; then
		qmp_has '"private-dma-enabled": false'
		gone "$vf" tdi-vfs/vf0
	fi
	qmp_ok query-status
	qmp_has '"status": "running"'
}

# left: the guest has unlocked it. Whether its slot is to be turned off is the answer.
left()
{
	[ -z "$taken" ] || answer=slot
	[ -n "$(cat "$sys/$pf/tsm/connect")" ] || connect_tsm "$pf"
}

# back: the driver has been taken away, and comes again, and so does the device.
back()
{
	qmp_find '"DEVICE_DELETED"'
	aside_ended "unbinding the driver"
	taken=
	bind_vfio "$vf"
	qmp_ok device_add "{\"driver\": \"vfio-pci\", \"id\": \"d0\", \"host\": \"$vf\",
		\"bus\": \"rp0\", \"iommufd\": \"i0\", \"private\": true}"
}

on_ask()
{
	case $1 in
	next)
		step=${steps%% *}
		steps=${steps#* }
		answer=$step
		;;
	slow | mid | over | settled | left | back) "$1" ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

steps="$LAB_STEPS end "
taken=
pf=$(dev tdi-vfs)
make_vf "$pf"
connect_tsm "$pf"
bind_vfio "$vf"
sw_protected
cgs=$CGS
if [ "${LAB_PRIVATE_RAM:-0}" = 1 ]; then
	cgs="-object sw-protected-vm,id=cgs0,private-memory=on -object iommufd,id=i0"
	L2_MEM=256
fi
# shellcheck disable=SC2086 # cgs, QMP_ARGS and TDI_TRACE hold words
l2_start tdi-mid $cgs $QMP_ARGS $TDI_TRACE \
	-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
	-device pcie-root-port,id=rp0,chassis=1,slot=1 \
	-device vfio-pci,id=d0,host="$vf",bus=rp0,iommufd=i0,private=on
qmp_open
l2_wait
l2_good
# Of a bind that ended in the middle there may be no report; that is told once.
# The slot wants a reset of what has left it, and whoever unbinds the driver has its lock.
sed -i '/the interface report is of no use/d; /Cannot reset device/d' /run/qemu-l2.log
quiet_qemu
gone "$vf" tdi-vfs/vf0
