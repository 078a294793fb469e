# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Peer DMA between two assigned devices, which needs their BARs in the IOAS.
. /lab/host/lib.sh

edu=$(dev edu)
testdev=$(dev testdev)
bind_vfio "$edu"
bind_vfio "$testdev"

# Plain assignment is known not to do this: if it did, the case would show
# nothing about private=on.
l2_start p2p -object iommufd,id=i0 \
	-device vfio-pci,host="$edu",iommufd=i0 \
	-device vfio-pci,host="$testdev",iommufd=i0
l2_wait
[ "$l2_verdict" != 0 ] || fail "peer DMA works without fd-only BARs"
grep -q 'PCI BAR?' /run/qemu-l2.log ||
	fail "plain assignment does not warn about BARs any more"
: >/run/qemu-l2.log
say "private=off: no peer DMA, as upstream says"

l2_run p2p -object iommufd,id=i0 \
	-device vfio-pci,host="$edu",iommufd=i0,fd-bars=on \
	-device vfio-pci,host="$testdev",iommufd=i0,fd-bars=on
quiet_qemu
say "fd-bars=on: peer DMA works"

sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run p2p $CGS \
	-device vfio-pci,host="$edu",iommufd=i0,private=on \
	-device vfio-pci,host="$testdev",iommufd=i0,private=on
quiet_qemu
say "private=on: peer DMA works"
