# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The port above a running device has two windows, and each leads to one of its
# BARs. Closing either stops the TDI, and then the other BAR, whose address is as it
# was, must be as far away: from the guest, and from DMA of its other devices.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# hidden BAR: nothing can be read there.
hidden()
{
	hidden_word=$(mmio-peek "$tdi" "$1" 0)
	[ "$hidden_word" = 0xffffffff ] ||
		fail "$what: BAR $1 of a stopped TDI reads $hidden_word"
}

# shut WHAT REGISTER VALUE BAR: closes a window of the port while the device runs,
# and this BAR is behind the other one.
shut()
{
	what=$1
	use "$tdi" || fail "$what: the device does not work"
	run "$tdi"
	ask bound
	use "$tdi" || fail "$what: it does not work in RUN"
	shut_before=$(pci-config "$port" "$2" 4)
	pci-config "$port" "$2" 4 "$3"
	ask unbound
	hidden "$4"
	tdi_is "$tdi" error
	refused "$what: accept in ERROR" accept "$tdi"
	pci-config "$port" "$2" 4 "$shut_before"
	hidden 0
	hidden 2
	ask hidden
	end "$tdi"
	use "$tdi" || fail "$what: it does not come back"
	ask shown
	say "$what closed: stopped, both BARs hidden, back after unlock"
}

find_tsm
tdi=$(find_pci 1234:7d15)
port=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$tdi")")")
shut "the window of BAR 0" 0x20 0x0000fff0 2
shut "the prefetchable window of BAR 2" 0x24 0x0001fff1 0
