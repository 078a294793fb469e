# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Reads the identification register of four edu devices that differ in how the
# host gives their BARs to this guest. The host counts exits meanwhile.
. /lab/guest/lib.sh

MAPPED=0000:00:10.0
FD_BARS=0000:00:11.0
PRIVATE=0000:00:12.0
TRAPPED=0000:00:13.0

# measure COUNT BDF...: leaves the figures in $figures. A first run with one read
# fills the mappings, so that the second has nothing left to fault.
measure()
{
	measure_count=$1
	shift
	mmio-bench 1 "$@" >/dev/null
	ask count
	figures=$(mmio-bench "$measure_count" "$@")
	ask count
}

# figure N
figure()
{
	echo "$figures" | sed -n "$1p"
}

for bdf in $MAPPED $FD_BARS $PRIVATE $TRAPPED; do
	enable_pci "$bdf"
done
load_module

measure "$(kernel_arg lab.reads)" $MAPPED $FD_BARS $PRIVATE
value mapped "$(figure 1)"
value fd_bars "$(figure 2)"
value shared "$(figure 3)"

convert bar $PRIVATE 0 private || fail "conversion failed"
measure "$(kernel_arg lab.reads)" $MAPPED $PRIVATE
value mapped_again "$(figure 1)"
value private "$(figure 2)"

measure "$(kernel_arg lab.trapped)" $TRAPPED
value trapped "$(figure 1)"
