# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI, a function or a VF, locked or in RUN, that the host takes away.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tdi()
{
	case $(kernel_arg lab.how) in
	vfs) tdi=$(find_pci 1234:7d16) ;;
	*) tdi=$(find_pci 1234:7d15) ;;
	esac
}

find_tsm
find_tdi || fail "the device is not there"
use "$tdi" || fail "the device does not work"
# It is for the guest to say when a device goes that the host wants to have.
slots unbind
state=$(kernel_arg lab.state)
bring "$tdi" "$state"
ask "$state"
[ "$(mmio-peek "$tdi" 0 0)" = 0xffffffff ] ||
	fail "MMIO of a device that was taken away is within reach"
tdi_is "$tdi" error
refused "accept of what has ended" accept "$tdi"
end "$tdi"
query after
[ "$answer" = slot ] || exit 0
slots bind
slot_off
ask back
back_wait=0
until find_tdi; do
	back_wait=$((back_wait + 1))
	[ $back_wait -lt 300 ] || fail "no device comes"
	sleep 0.1
done
use "$tdi" || fail "the device that has come does not work"
lock "$tdi" || fail "a later lock failed"
ask locked
end "$tdi"
