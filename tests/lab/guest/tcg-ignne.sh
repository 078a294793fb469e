# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
enable_pci "$edu"
round=0
while [ $round -lt 5 ]; do
	event-inj "$edu" 0 2000 || fail "event-inj failed"
	round=$((round + 1))
done
say "10000 page faults, each before a trapped read"
