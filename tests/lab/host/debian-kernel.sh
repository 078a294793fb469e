# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A kernel that knows nothing of this project: the distribution's, with its drivers
# as modules.
. /lab/host/lib.sh

nvme=$(dev nvme)
L2_KERNEL=/lab/distro/vmlinuz
L2_INITRD=/run/distro.cpio
L2_MEM=256
cat /lab/l2.cpio /lab/distro/modules.cpio >$L2_INITRD

bind_vfio "$nvme"
say "a confidential guest, private=on"
sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run debian-kernel $CGS \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on
quiet_qemu
check_disk "$nvme"

bind_vfio "$nvme"
say "an ordinary guest, fd-bars=on"
L2_MACHINE=
l2_run debian-kernel -object iommufd,id=i0 \
	-device vfio-pci,host="$nvme",iommufd=i0,fd-bars=on
quiet_qemu
check_disk "$nvme"
