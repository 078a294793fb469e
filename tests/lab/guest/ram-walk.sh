# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# RAM that this kernel leaves alone is converted at random, with a device that
# tries to reach it.
. /lab/guest/lib.sh

load_module
device=$(find_pci 1234:7d15)
enable_pci "$device"
gpa=$(kernel_arg lab.gpa)
mib=$(kernel_arg lab.mib)
LAB_KEEPS=$(kernel_arg lab.keeps)
[ -n "$LAB_KEEPS" ] || unset LAB_KEEPS
export LAB_KEEPS 2>/dev/null || true

ram-walk "$device" "$gpa" "$mib" walk "$(kernel_arg lab.steps)" \
	"$(kernel_arg lab.seed)" || fail "ram-walk failed"
ram-walk "$device" "$gpa" "$mib" shared || fail "not all of RAM turns shared"
cuts=$(ram-walk "$device" "$gpa" "$mib" cuts "$(kernel_arg lab.cuts)") ||
	fail "ram-walk cuts failed: $cuts"
row "$cuts"
