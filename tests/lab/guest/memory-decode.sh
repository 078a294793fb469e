# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Memory decode off and on, and a BAR that moves, in both views.
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
load_module

# move_bar ADDRESS: puts BAR 0 there; the programs are told by LAB_BAR0.
move_bar()
{
	pci_command "$edu" 0
	pci-config "$edu" 0x10 4 "$1"
	pci_command "$edu" 6
	LAB_BAR0=$1
	export LAB_BAR0
}

enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
round=0
while [ $round -lt 20 ]; do
	pci_command "$edu" 0
	# What an undecoded read gives is the machine's affair, but not this.
	[ "$(mmio-peek "$edu" 0 0)" != 0x010000ed ] ||
		fail "a BAR without memory decode answers"
	pci_command "$edu" 6
	edu-check "$edu" || fail "edu-check failed after decode off and on"
	round=$((round + 1))
done
say "memory decode off and on 20 times"

round=0
while [ $round -lt 5 ]; do
	convert bar "$edu" 0 private || fail "conversion failed"
	pci_command "$edu" 0
	pci_command "$edu" 6
	convert bar "$edu" 0 shared || fail "conversion back failed"
	edu-check "$edu" || fail "edu-check failed after decode off while private"
	round=$((round + 1))
done
say "memory decode off and on while private, 5 times"

home=$(sed -n '1s/ .*//p' "/sys/bus/pci/devices/$edu/resource")
round=1
while [ $round -le 5 ]; do
	move_bar $((home - round * 0x100000 - 0x2000000))
	edu-check "$edu" || fail "edu-check failed after a move"
	convert edu "$edu" 3 >/dev/null || fail "conversion failed after a move"
	round=$((round + 1))
done
move_bar $((home))
unset LAB_BAR0
edu-check "$edu" || fail "edu-check failed after the move home"
say "BAR moved 6 times, converted at each place"
