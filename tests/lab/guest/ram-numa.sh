# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

# ram WHAT VERB GPA PAGES: with the device's DMA.
ram()
{
	convert "$2" "$edu" "$3" "$4" 2>/tmp/why ||
		fail "$1: $(cat /tmp/why)"
	say "$1: right in both views"
}

load_module
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
[ -e /sys/firmware/acpi/tables/SRAT ] || fail "firmware tells of no nodes"
# Refusals first: they have to leave all as it was.
ram "the end of RAM below 4 GiB" beyond 0xbff8000 8
ram "one page below the hole" ram 0xbfff000 1
ram "the first pages above 4 GiB" ram 0x100000000 16
ram "two pages, each in a node of its own" ram 0x7fff000 2
ram "16 pages across the nodes" ram 0x7ff8000 16
