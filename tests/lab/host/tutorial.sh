# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# An NVMe disk that can be taken private, in a guest that gives its reader a shell.
# docs/tutorial.md says what to type there.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run shell $CGS \
	-chardev serial,id=watch,path=/dev/ttyS3 -mon chardev=watch,mode=control \
	-device pcie-root-port,id=rp1,chassis=1 \
	-device vfio-pci,id=nvme0,bus=rp1,host="$nvme",iommufd=i0,private=on
