# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A VF in RUN whose PF is reset. What else that takes from a VF is not looked at.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tsm
tdi=$(find_pci 1234:7d16)
use "$tdi" || fail "the VF does not work"
run "$tdi"
use "$tdi" || fail "the VF does not work in RUN"
ask run
[ "$(mmio-peek "$tdi" 0 0)" = 0xffffffff ] ||
	fail "MMIO is within reach after a reset of the PF"
tdi_is "$tdi" error
refused "accept of what has ended" accept "$tdi"
end "$tdi"
