# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Sleeps often and briefly: each time KVM injects a timer interrupt.
. /lab/guest/lib.sh

round=0
while [ $round -lt 1000 ]; do
	usleep 1000
	round=$((round + 1))
done
say "woken $round times"
