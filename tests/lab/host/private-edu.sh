# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Runs the guest script that the case is named after, with an NVMe disk and an
# edu device, private=on, in one software-protected VM.
. /lab/host/lib.sh

nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run "$LAB_CASE" $CGS \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
# Bad hypercalls are what QEMU may well complain about.
[ "$LAB_CASE" = bad-hypercalls ] || quiet_qemu
