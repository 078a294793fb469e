# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Brings the device where the host wants it to be when it kills this machine.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# die: the end is near.
die()
{
	report ask kill state
	sleep 1000
}

# in_request COMMAND...: the host kills in the middle of it; one that ends before
# was not slow enough.
in_request()
{
	ask slow
	report ask kill request
	"$@" || true
	sleep 3
	fail "nobody came while '$*' was going on"
}

find_tsm
tdi=$(find_pci 1234:7d15)
use "$tdi" || fail "the device does not work"
query step
case $answer in
unlocked) die ;;
locked) lock "$tdi" && die ;;
run) run "$tdi" && use "$tdi" && die ;;
error)
	run "$tdi"
	ask error
	tdi_is "$tdi" error
	die ;;
in-bind) in_request lock "$tdi" ;;
in-report)
	load_module
	lock "$tdi"
	in_request tdcm "$tdi" 4 ;;
in-state)
	lock "$tdi"
	in_request cat "/sys/bus/pci/devices/$tdi/tsm/state" ;;
in-start)
	lock "$tdi"
	in_request accept "$tdi" ;;
in-unbind)
	run "$tdi"
	in_request unlock "$tdi" ;;
work)
	run "$tdi"
	use "$tdi"
	end "$tdi"
	exit 0 ;;
esac
fail "step '$answer' did not work"
