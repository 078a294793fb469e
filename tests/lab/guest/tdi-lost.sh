# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI in RUN, a function or a VF, that the host takes away.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tsm
case $(kernel_arg lab.how) in
vfs) tdi=$(find_pci 1234:7d16) ;;
*) tdi=$(find_pci 1234:7d15) ;;
esac
use "$tdi" || fail "the device does not work"
run "$tdi"
use "$tdi" || fail "the device does not work in RUN"
ask run
[ "$(mmio-peek "$tdi" 0 0)" = 0xffffffff ] ||
	fail "MMIO of a device that was taken away is within reach"
tdi_is "$tdi" error
refused "accept of what has ended" accept "$tdi"
end "$tdi"
