# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest's part of a device that is slow. It has two lives: the host ends both.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

load_module
tdi=$(find_pci 1234:7d15)
enable_pci "$tdi"
query life
if [ "$answer" = commands ]; then
	ask by_monitor

	# As long as the host wants, and the guest goes on meanwhile: it polls its buffer.
	ask hold
	(! tdcm "$tdi" 2 >/dev/null) &
	ask by_guest
	wait $! || fail "a bind that is held has ended"
	request "$tdi" 7 "0 1 0 0"
	say "a bind that is held holds up neither the guest nor the monitor"

	# Whatever the host does meanwhile, this guest wants it bound, or not.
	while [ ! -e /tmp/stop ]; do
		tdcm "$tdi" 2 >/dev/null || true
		tdcm "$tdi" 7 >/dev/null || true
	done &
	ask unbinds
	touch /tmp/stop
	wait $! || true
	# Answers to requests that were not waited for may still come.
	sleep 2
	request "$tdi" 7 "0 1 0 0"
	say "a loop of bind and unbind is ended by each tdi-unbind"
	answer=reset
fi
report ask "$answer"
sleep 1000
