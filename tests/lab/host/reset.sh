# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Guest reboot and the monitor's system_reset, from the shared and the private
# view; the last boot uses both devices and powers off. What firmware does below
# 1 MiB in each boot must not move the DMA mappings of the guest's RAM. A kernel that
# keeps it private does move them; case private-ram is about that.
. /lab/host/lib.sh

boots=0
on_ask()
{
	if [ "$1" = reset ]; then
		monitor system_reset
		answer=
		return
	fi
	boots=$((boots + 1))
	say "boot $boots"
	case $boots in
	1) answer=reboot ;;
	2) answer=reboot-private ;;
	3) answer=reset ;;
	4) answer=reset-private ;;
	*) answer=stop ;;
	esac
}

nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
sw_protected
L2_REBOOT=-action\ reboot=reset
l2_run reset -object sw-protected-vm,id=cgs0,private-memory=off \
	-object iommufd,id=i0 \
	-trace iommufd_backend_unmap_dma -D /out/trace-l2.log \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
[ $boots -eq 5 ] || fail "L2 booted $boots times, not 5"
quiet_qemu
grep -q unmap_dma /out/trace-l2.log || fail "the trace of mappings is empty"
moved=$(grep -c 'unmap_dma .* size=0x[0-9a-f]\{7,\} ' /out/trace-l2.log || true)
[ "$moved" -eq 0 ] || fail "RAM was unmapped $moved times in $boots boots"
check_disk "$nvme"
