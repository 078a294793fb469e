# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The main scenario: an NVMe disk and an edu device in a confidential guest,
# with no mapping of any BAR in the host's user space.
. /lab/host/lib.sh

on_ask()
{
	[ "$1" = maps ] || fail "L2 asks for '$1'"
	main_maps=$(host_maps)
	[ -z "$main_maps" ] || fail "QEMU maps a device: $main_maps"
	say "QEMU runs both devices and has mapped no byte of them"
}

nvme=$(dev nvme)
edu=$(dev edu)
say "Linux $(uname -r) is up; this is the host"
bind_vfio "$nvme"
bind_vfio "$edu"
say "NVMe disk $nvme and edu device $edu given to vfio-pci"

sw_protected
say "starting L2: a software-protected VM with both devices, private=on"
# shellcheck disable=SC2086 # CGS holds words
l2_run main $CGS \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
say "L2 has powered off; QEMU left without a complaint"
check_disk "$nvme"

row "NVMe, stock driver   64 MiB   sha256 the same in L2, L1 and L0"
row "edu BAR conversions  $(value conversions) x 2   registers right in both views"
row "one conversion       $(value to_private_us) us to private, $(value to_shared_us) us back (1 MiB)"
row "BAR bytes mapped by QEMU   0"
