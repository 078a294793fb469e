# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# UEFI firmware finds a disk whose BARs QEMU cannot reach, boots from it, and does
# so again after each reboot of the guest.
. /lab/host/lib.sh

boots=0
on_ask()
{
	boots=$((boots + 1))
	say "boot $boots, $(uptime_now) s after L1's"
	if [ $boots -lt "$LAB_BOOTS" ]; then
		answer=reboot
	else
		answer=stop
	fi
}

nvme=$(dev nvme)
bind_vfio "$nvme"
sw_protected
cp /lab/firmware/OVMF_VARS_4M.fd /run/vars.fd
L2_KERNEL=none
L2_MEM=256
L2_REBOOT="-action reboot=reset"
say "starts OVMF"
# shellcheck disable=SC2086 # CGS holds words
l2_run ovmf $CGS \
	-drive if=pflash,unit=0,format=raw,readonly=on,file=/lab/firmware/OVMF_CODE_4M.fd \
	-drive if=pflash,unit=1,format=raw,file=/run/vars.fd \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on,bootindex=0
[ $boots -eq "$LAB_BOOTS" ] || fail "L2 booted $boots times, not $LAB_BOOTS"
quiet_qemu
check_disk "$nvme"
