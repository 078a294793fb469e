# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What ends a bound TDI: reboot and system_reset from LOCKED and RUN, and a reset
# and MMIO taken away by the guest itself. The device is behind a root port of L2,
# so its requester ID is firmware's choice.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

on_ask()
{
	case $1 in
	reset)
		monitor system_reset
		answer=
		;;
	boot)
		gone "$nvme" nvme-tdi
		boots=$((boots + 1))
		answer=$(echo "$STEPS" | cut -d' ' -f$boots)
		say "boot $boots: $answer"
		;;
	*) host_sees "$nvme" nvme-tdi "$1" ;;
	esac
}

STEPS="locked-reboot run-reboot run-reset revoke-reboot disk"
boots=0
nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
L2_REBOOT=-action\ reboot=reset
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-ends $CGS $TDI_TRACE -device pcie-root-port,id=rp0,chassis=1,slot=1 \
	-device vfio-pci,id=d0,bus=rp0,host="$nvme",iommufd=i0,private=on
[ $boots -eq 5 ] || fail "L2 booted $boots times, not 5"
quiet_qemu
gone "$nvme" nvme-tdi
check_disk "$nvme"
