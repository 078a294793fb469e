# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A disk and a tdi-testdev with much memory, for a guest with private RAM that
# measures them.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

nvme=$(dev nvme-tdi)
tdi=$(dev tdi-large)
for device in "$nvme" "$tdi"; do
	connect_tsm "$device"
	bind_vfio "$device"
done
sw_protected
L2_MEM=512
l2_run private-dma-bench -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
quiet_qemu
gone "$nvme" nvme-tdi
gone "$tdi" tdi-large
