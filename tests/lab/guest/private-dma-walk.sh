# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# RAM that this kernel leaves alone is converted at random, with a device that is
# locked, started, given DMA to private memory and unlocked meanwhile.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

load_module
find_tsm
device=$(find_pci 1234:7d15)
enable_pci "$device"
walk=$(LAB_TSM=$tsm ram-walk "$device" "$(kernel_arg lab.gpa)" "$(kernel_arg lab.mib)" \
	tdi "$(kernel_arg lab.steps)" "$(kernel_arg lab.seed)") ||
	fail "ram-walk failed: $walk"
row "$walk"
[ "$(kernel_arg lab.kill)" = 0 ] || ask kill
