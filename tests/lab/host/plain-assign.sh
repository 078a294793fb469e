# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Plain assignment, as upstream does it: the yardstick for everything else.
. /lab/host/lib.sh

nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
say "nvme $nvme and edu $edu belong to vfio-pci"
l2_run assign -object iommufd,id=i0 \
	-device vfio-pci,host="$nvme",iommufd=i0 \
	-device vfio-pci,host="$edu",iommufd=i0
check_disk "$nvme"
