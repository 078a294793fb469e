# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI, locked or in RUN, whose link breaks. The host has the rest.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tsm
tdi=$(find_pci 1234:7d15)
state=$(kernel_arg lab.state)
use "$tdi" || fail "the device does not work"
bring "$tdi" "$state"
ask "$state"
fail "the host has let it go on"
