# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
enable_pci "$edu"
event-inj "$edu" 0 2000 || fail "event-inj failed"
say "2000 page faults, each before a trapped read"
