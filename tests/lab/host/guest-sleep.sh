# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest with private RAM sleeps and is woken up, twice: as much is private as before,
# and there is nothing left of a TDI. This host does not sleep while the guest has one.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

on_ask()
{
	case $1 in
	sleep)
		private_bytes
		private_before=$private_bytes
		qmp_from_here
		echo go >&5
		answer=
		qmp_find '"event": "SUSPEND"'
		qmp_ok query-status
		qmp_has '"status": "suspended"'
		gone "$nvme" nvme-tdi
		private_bytes
		[ "$private_bytes" = "$private_before" ] ||
			fail "$private_bytes bytes are private in sleep, $private_before were"
		qmp_ok system_wakeup
		qmp_find '"event": "WAKEUP"'
		;;
	bound)
		bound "$nvme" || fail "$nvme is not bound"
		! (echo freeze >/sys/power/state) 2>/dev/null || fail "this host sleeps"
		dmesg | grep -q "$nvme: PCI/TSM: bound to a VM, no sleep before that ends" ||
			fail "this host does not sleep, and says nothing of a VM"
		;;
	awake)
		sleeps=$((sleeps + 1))
		private_bytes
		say "woken up $sleeps times, $private_bytes bytes of the guest are private"
		[ "$private_bytes" = "$private_before" ] ||
			fail "$private_bytes bytes are private, $private_before were"
		gone "$nvme" nvme-tdi
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
L2_MEM=384
L2_CPUS=2
sleeps=0
# shellcheck disable=SC2086 # QMP_ARGS and TDI_TRACE hold words
l2_start guest-sleep -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
quiet_qemu
[ $sleeps = 2 ] || fail "L2 slept $sleeps times, not twice"
gone "$nvme" nvme-tdi
check_disk "$nvme"
