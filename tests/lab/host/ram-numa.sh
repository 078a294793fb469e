# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# RAM in two backends, one a node: the guest converts pages on both sides of where
# they meet, and of the hole below 4 GiB, which is at 192 MiB here.
. /lab/host/lib.sh

edu=$(dev edu)
bind_vfio "$edu"
sw_protected
L2_MACHINE=$L2_MACHINE,max-ram-below-4g=192M
L2_MEM=256
L2_APPEND="memmap=64K\$0x7ff8000 memmap=64K\$0xbff0000 memmap=64K\$0x100000000"
# shellcheck disable=SC2086 # CGS holds words
l2_run ram-numa $CGS \
	-object memory-backend-ram,id=m0,size=128M \
	-object memory-backend-ram,id=m1,size=128M \
	-numa node,memdev=m0 -numa node,memdev=m1 \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
