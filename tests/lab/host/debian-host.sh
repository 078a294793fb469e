# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A host whose kernel knows nothing of this project.
. /lab/host/lib.sh

say "Linux $(uname -r), up $(uptime_now) s"
! grep -qE 'no_timer_check|halt_poll|tsc=' /proc/cmdline || fail "the kernel was helped"
nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
# The sleeps of a guest whose TSC has another rate than KVM thinks never end.
l2_run assign -device vfio-pci,host="$nvme" -device vfio-pci,host="$edu"
quiet_qemu
check_disk "$nvme"

bind_vfio "$nvme"
# shellcheck disable=SC2086 # CGS holds words
refused_by software-protected 'not supported by KVM' \
	-machine q35,accel=kvm,smm=off,confidential-guest-support=cgs0 $CGS \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on
refused_by "vfio $nvme: " 'requires KVM_CAP_VFIO_DMABUF: boot' \
	-machine q35,accel=kvm -object iommufd,id=i0 \
	-device vfio-pci,host="$nvme",iommufd=i0,fd-bars=on
say "private=on and fd-bars=on are refused, each with one line"
