# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# RAM in a file of which L2 has a private mapping: the device has to reach what L2
# has written, not what the file holds.
. /lab/host/lib.sh

RAM=/run/ram.img
nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
L2_MACHINE=memory-backend=ram
for share in off on; do
	: >$RAM
	l2_run assign -object iommufd,id=i0 \
		-object "memory-backend-file,id=ram,size=128M,mem-path=$RAM,share=$share" \
		-device vfio-pci,host="$nvme",iommufd=i0 \
		-device vfio-pci,host="$edu",iommufd=i0
	rm $RAM
	say "share=$share: stock drivers work"
done
check_disk "$nvme"
