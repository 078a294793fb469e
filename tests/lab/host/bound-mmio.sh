# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# KVM refuses what would unmap private MMIO that a TDI depends on, as it does for TDX
# guests. Nothing has changed then: the guest has its device as before, is told to try
# again, and what QEMU could not take away comes back once it can.
. /lab/host/lib.sh

bound=/sys/module/bound_mmio/parameters/bound

on_ask()
{
	case $1 in
	"bound "*) echo "${1#bound }" >$bound ;;
	free) echo 0 >$bound ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

insmod /lab/bound_mmio.ko || fail "bound_mmio does not load"
edu=$(dev edu)
bind_vfio "$edu"
sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run bound-mmio $CGS -device vfio-pci,host="$edu",iommufd=i0,private=on
grep -q 'stays private: Device or resource busy' /run/qemu-l2.log ||
	fail "QEMU does not say what stays private"
# KVM has the slot still, so there is no room for another.
grep -q 'cannot be mapped into the guest at .*: File exists' /run/qemu-l2.log ||
	fail "KVM has deleted the slot of a bound BAR"
refused=$(cat /sys/module/bound_mmio/parameters/refused)
row "KVM refused $refused times"
[ "$refused" -gt 0 ] || fail "KVM was never told that a TDI is bound"
