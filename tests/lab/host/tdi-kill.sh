# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# SIGKILL of the VMM in each state and in the middle of each request. The kernel
# unbinds by itself, without a complaint, and the next VM gets the device. LAB_STEPS
# names states and requests; the guest's script brings the device there.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

SLOW=700    # ms for each answer of the device; DOE allows a second

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	answer=
	case $1 in
	step) answer=$step ;;
	slow)
		tdi tdi-dev x-fault-delay-ms $SLOW
		answer=go
		;;
	error)
		tdi tdi-dev x-fault-error true
		answer=go
		;;
	kill)
		# Of a request that takes SLOW, this is the middle.
		[ "$2" != request ] || sleep 0.3
		tdi tdi-dev state
		killed_in=$l0_answer
		kill -KILL "$(l2_pid)"
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
for step in $LAB_STEPS; do
	# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
	l2_start tdi-kill $CGS $TDI_TRACE \
		-device vfio-pci,host="$tdi",iommufd=i0,private=on
	l2_wait
	[ "$l2_exit" = 137 ] ||
		fail "$step: ${l2_why:-QEMU was not killed but left with $l2_exit}"
	# The kernel finishes with the device before the process is gone.
	tdi tdi-dev x-fault-delay-ms 0
	gone "$tdi" tdi-dev
	say "killed in $step: the device was in $killed_in and is free again"
done
step=work
# shellcheck disable=SC2086 # CGS holds words
l2_run tdi-kill $CGS -device vfio-pci,host="$tdi",iommufd=i0,private=on
gone "$tdi" tdi-dev
# The shell's own word about the killed ones is no complaint.
sed -i '/^Killed$/d' /run/qemu-l2.log
quiet_qemu
