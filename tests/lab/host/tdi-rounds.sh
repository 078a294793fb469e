# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Three TDIs in one VM and one iommufd: an NVMe disk, a tdi-testdev, and a VF of
# another one.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# bound_are BDF...: these TDIs are bound, and no other one.
bound_are()
{
	bound_now=
	for bound_dev in "$nvme" "$tdi" "$vf"; do
		! bound "$bound_dev" || bound_now="$bound_now $bound_dev"
	done
	[ "$bound_now" = "${*:+ $*}" ] || fail "bound are$bound_now, not $*"
}

on_ask()
{
	case $1 in
	none-bound) bound_are ;;
	tdi-bound) bound_are "$tdi" ;;
	vf-bound) bound_are "$vf" ;;
	both-bound) bound_are "$tdi" "$vf" ;;
	all-bound) bound_are "$nvme" "$tdi" "$vf" ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

nvme=$(dev nvme-tdi)
tdi=$(dev tdi-dev)
pf=$(dev tdi-vfs)
make_vf "$pf"
for bdf in "$nvme" "$tdi" "$pf"; do
	connect_tsm "$bdf"
done
for bdf in "$nvme" "$tdi" "$vf"; do
	bind_vfio "$bdf"
done
sw_protected
L2_APPEND="lab.rounds=$LAB_ROUNDS"
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-rounds $CGS $TDI_TRACE \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on \
	-device vfio-pci,host="$vf",iommufd=i0,private=on
quiet_qemu
bound_are
tdi_is nvme-tdi CONFIG_UNLOCKED
tdi_is tdi-dev CONFIG_UNLOCKED
tdi_is tdi-vfs CONFIG_UNLOCKED
l0 qom-get /machine/peripheral/tdi-vfs/tdi/vf0 state
[ "$l0_answer" = '"CONFIG_UNLOCKED"' ] || fail "the VF is in $l0_answer"
check_disk "$nvme"
