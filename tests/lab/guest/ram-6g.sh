# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

ram()
{
	convert "$2" "$edu" "$3" "$4" 2>/tmp/why ||
		fail "$1: $(cat /tmp/why)"
	say "$1: right in both views"
}

say "up after $(cut -d' ' -f1 /proc/uptime) s, $(grep MemTotal /proc/meminfo)"
load_module
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
ram "the end of RAM below the hole" beyond 0x7fff8000 8
ram "the end of RAM" beyond 0x1ffff8000 8
ram "the last pages below the hole" ram 0x7fff0000 16
ram "the first pages above it" ram 0x100000000 16
ram "the last pages of all" ram 0x1ffff0000 16
edu-check "$edu" || fail "edu-check failed"
