# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# QEMU as a user without privileges: KVM, the iommufd and the device come as open
# file descriptors, locked memory is limited, system calls are filtered.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

USER_ID=1000

# status NAME: of QEMU's process.
status()
{
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$(l2_pid)/status" | tr '\t' ' '
}

on_ask()
{
	case $1 in
	bound)
		bound "$nvme" || fail "the host does not see the TDI bound"
		[ "$(status Uid)" = "$USER_ID $USER_ID $USER_ID $USER_ID" ] ||
			fail "QEMU runs as $(status Uid)"
		[ "$(status CapPrm)" = 0000000000000000 ] ||
			fail "QEMU has capabilities: $(status CapPrm)"
		[ "$(status NoNewPrivs) $(status Seccomp)" = "1 2" ] ||
			fail "no sandbox: $(status NoNewPrivs) $(status Seccomp)"
		;;
	unbound) gone "$nvme" nvme-tdi ;;
	*) fail "unknown question $1" ;;
	esac
}

# start MIB COMMAND...: l2_run or l2_start, with so much memory that may be locked.
start()
{
	start_vfio=$(ls "/sys/bus/pci/devices/$nvme/vfio-dev")
	L2_WRAP="unprivileged $USER_ID $1 /dev/kvm /dev/iommu"
	L2_WRAP="$L2_WRAP /dev/vfio/devices/$start_vfio --"
	shift
	"$@" -add-fd fd=20,set=1 \
		-object sw-protected-vm,id=cgs0 -object iommufd,id=i0,fd=21 \
		-device '{"driver": "vfio-pci", "id": "nvme0", "fd": "22",
			"iommufd": "i0", "private": true}' \
		-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
chmod 666 /dev/ttyS2
# The fifos of the reports are made with it.
umask 0
sw_protected
L2_ACCEL=kvm,device=/dev/fdset/1
L2_APPEND=lab.rounds=2

# The guest's RAM, its firmware and the BAR are locked for DMA; not much else is.
start 160 l2_run late-bind
quiet_qemu
gone "$nvme" nvme-tdi
check_disk "$nvme"
say "locked, run and unlocked by a QEMU without privileges, in its sandbox"

# Too little memory is an error, and no more than that.
bind_vfio "$nvme"
start 64 l2_start late-bind
l2_wait
[ "$l2_exit" = 1 ] || fail "QEMU left with $l2_exit for want of memory"
grep -q 'Cannot allocate memory' /run/qemu-l2.log ||
	fail "QEMU does not say why: $(tail -n 1 /run/qemu-l2.log)"
say "with 64 MiB of locked memory for a guest of 128, QEMU says so and ends"
