# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# knob NAME VALUE: how the device is to misbehave
knob()
{
	ask "knob $1 $2"
}

# well: nothing is left of the fault; a whole life works.
well()
{
	ask unbound
	tdi_is "$tdi" unlocked
	use "$tdi" || fail "after $fault: it does not work, shared"
	run "$tdi"
	ask bound
	use "$tdi" || fail "after $fault: it does not work in RUN"
	end "$tdi"
	ask unbound
	say "fault $fault: the device works afterwards"
}

fault_refuse_lock()
{
	knob refuse-lock 0x104
	pci_command "$tdi" 0
	refused "lock, which the device refuses" lock "$tdi"
	tdi_is "$tdi" unlocked
	[ $(($(pci-config "$tdi" 4 2) & 4)) = 0 ] ||
		fail "a device that could not be locked keeps mastership"
	enable_pci "$tdi"
	knob refuse-lock 0
}

fault_wrong_nonce()
{
	knob wrong-nonce true
	lock "$tdi" || fail "lock failed"
	refused "accept with a wrong nonce" accept "$tdi"
	# Whether it runs now is not for the guest to guess: it has unbound it.
	ask unbound
	knob wrong-nonce false
	end "$tdi"
}

# no_run WHAT: it does not come to run, whether it is lock or accept that notices.
no_run()
{
	if lock "$tdi" 2>/dev/null; then
		refused "accept with $1" accept "$tdi"
		no_run_noticed=accept
	else
		no_run_noticed=lock
	fi
	[ "$(cat "/sys/bus/pci/devices/$tdi/tsm/state")" != run ] ||
		fail "it runs with $1"
	say "fault $fault: $no_run_noticed fails"
}

# stop_it: whatever came of it, unlock ends it.
stop_it()
{
	unlock "$tdi" 2>/dev/null || true
	tdi_is "$tdi" unlocked
}

fault_short_report()
{
	knob short-report true
	no_run "half a report"
	knob short-report false
	stop_it
}

fault_error_locked()
{
	lock "$tdi" || fail "lock failed"
	knob error true
	tdi_is "$tdi" error
	refused "accept in ERROR" accept "$tdi"
	refused "lock in ERROR" lock "$tdi"
	end "$tdi"
}

fault_error_run()
{
	run "$tdi"
	knob error true
	tdi-check "$tdi" closed || fail "it is open in ERROR"
	tdi_is "$tdi" error
	refused "accept in ERROR" accept "$tdi"
	end "$tdi"
}

fault_ide_loss()
{
	run "$tdi"
	knob ide-loss true
	tdi-check "$tdi" closed || fail "it is open without IDE"
	tdi_is "$tdi" error
	end "$tdi"
	refused "lock without IDE" lock "$tdi"
	knob ide-loss false
}

# Slow, but inside what DOE allows: all works. Too slow: an error.
fault_delay()
{
	knob delay-ms 300
	run "$tdi"
	use "$tdi" || fail "it does not work"
	end "$tdi"
	knob delay-ms 5000
	refused "lock of a device that does not answer" lock "$tdi"
	knob delay-ms 0
	# A late answer may be in the mailbox, and the lock may have come about.
	sleep 6
	unlock "$tdi" 2>/dev/null || true
}

# Each answer comes in time, but there are too many.
fault_single_bytes()
{
	knob single-bytes true
	run "$tdi"
	end "$tdi"
	knob delay-ms 800
	no_run "a report that takes too long"
	knob delay-ms 0
	knob single-bytes false
	stop_it
}

find_tsm
tdi=$(find_pci 1234:7d15)
fault=none
well
for fault in refuse_lock wrong_nonce short_report single_bytes error_locked \
	error_run ide_loss delay; do
	fault_$fault
	well
done
