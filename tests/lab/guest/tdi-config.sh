# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Config writes that TDISP forbids, in LOCKED and in RUN: the guest's own have no
# effect, the host's throw the device into ERROR. In no case does the guest believe
# in RUN while its MMIO is open to others.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# Where a tdi-testdev has its Power Management and PCI Express capabilities.
PMCSR=0x64
DEVCTL=0x88

# to STATE: from unlocked to locked or run
to()
{
	lock "$tdi" || fail "lock failed"
	[ "$1" = locked ] || accept "$tdi" || fail "accept failed"
	tdi_is "$tdi" "$1"
}

# usable: MMIO is as it has to be in this state.
usable()
{
	if [ "$1" = run ]; then
		use "$tdi"
	else
		tdi-check "$tdi" closed
	fi
}

# frozen WHAT OFFSET SIZE VALUE: a write of our own, which must change nothing
frozen()
{
	frozen_before=$(pci-config "$tdi" "$2" "$3")
	pci-config "$tdi" "$2" "$3" "$4"
	[ "$(pci-config "$tdi" "$2" "$3")" = "$frozen_before" ] ||
		fail "$1: the write came through in $state"
	tdi_is "$tdi" "$state"
	usable "$state" || fail "$1: not usable in $state any more"
	writes=$((writes + 1))
}

own_writes()
{
	frozen "MSE and BME cleared" 4 2 0
	frozen "BME cleared" 4 2 2
	frozen "MSE cleared" 4 2 4
	frozen "BAR 0 written" 0x10 4 0xffffffff
	frozen "BAR 2 written" 0x18 4 0
	frozen "ROM BAR written" 0x30 4 0xfffff801
	frozen "BIST written" 0x0f 1 0x40
	frozen "function reset" $DEVCTL 2 $(($(pci-config "$tdi" $DEVCTL 2) | 0x8000))
	frozen "extended tags" $DEVCTL 2 $(($(pci-config "$tdi" $DEVCTL 2) ^ 0x100))
	frozen "no-snoop" $DEVCTL 2 $(($(pci-config "$tdi" $DEVCTL 2) ^ 0x800))
	frozen "D3hot" $PMCSR 2 $(($(pci-config "$tdi" $PMCSR 2) | 3))
}

# host_write WHAT: the host does it, behind everybody's back.
host_write()
{
	to "$state"
	ask "write $1"
	# Where no device answers, L0's bus gives zeroes and not all ones.
	case $(mmio-peek "$tdi" 0 0) in
	0xffffffff | 0x00000000) ;;
	*) fail "$1 by the host: MMIO is not closed" ;;
	esac
	tdi_is "$tdi" error
	refused "$1 by the host: accept in ERROR" accept "$tdi"
	end "$tdi"
	ask restore
	use "$tdi" || fail "$1 by the host: not usable after unlock"
}

find_tsm
tdi=$(find_pci 1234:7d15)
use "$tdi" || fail "the device does not work"
[ -e "/sys/bus/pci/devices/$tdi/rom" ] || fail "the device has no ROM"
writes=0
for state in locked run; do
	to $state
	own_writes
	end "$tdi"
	use "$tdi" || fail "the device does not work after $state"
done
value writes $writes
say "$writes forbidden writes by the guest, in LOCKED and RUN, had no effect"
for state in locked run; do
	for write in mse bme bar rom flr d3 tags bus-reset sysfs-reset; do
		host_write $write
	done
done
say "9 writes by the host, in LOCKED and RUN: ERROR, closed, unlocked, usable"
