# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A VF, locked or in RUN, whose PF is reset.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tsm
tdi=$(find_pci 1234:7d16)
use "$tdi" || fail "the VF does not work"
state=$(kernel_arg lab.state)
bring "$tdi" "$state"
ask "$state"
[ "$(mmio-peek "$tdi" 0 0)" = 0xffffffff ] ||
	fail "MMIO is within reach after a reset of the PF"
tdi_is "$tdi" error
refused "accept of what has ended" accept "$tdi"
end "$tdi"
# A reset takes all that the guest has set.
enable_pci "$tdi"
lock "$tdi" || fail "a later lock failed"
end "$tdi"
