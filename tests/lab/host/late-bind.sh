# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One NVMe disk with TEE-I/O in a software-protected VM, connected to the software
# TSM. The guest script that the case is named after locks it, works with it in
# RUN, unlocks it and works with it again.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

on_ask()
{
	host_sees "$nvme" nvme-tdi "$1"
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
if [ "${LAB_PRIVATE_RAM:-0}" = 1 ]; then
	CGS="-object sw-protected-vm,id=cgs0,private-memory=on -object iommufd,id=i0"
fi
L2_APPEND="lab.rounds=${LAB_ROUNDS:-} lab.count=${LAB_COUNT:-} lab.seed=${LAB_SEED:-}"
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run "${LAB_GUEST:-$LAB_CASE}" $CGS $TDI_TRACE -smp "${LAB_CPUS:-1}" \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on
quiet_qemu
gone "$nvme" nvme-tdi
check_disk "$nvme"
