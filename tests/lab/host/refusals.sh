# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What private=on and fd-bars=on must refuse: QEMU ends with status 1 and one
# line that names the device, the reason and the remedy. A VM that runs already
# answers in its monitor and runs on.
. /lab/host/lib.sh

PLAIN="-machine q35,accel=kvm -object iommufd,id=i0"
PROTECTED="-machine q35,accel=kvm,smm=off,confidential-guest-support=cgs0 $CGS"
TCG="-machine q35,accel=tcg -object iommufd,id=i0"

# refused BDF PATTERN QEMU-ARGUMENT...
refused()
{
	refused_device="vfio $1: "
	shift
	refused_by "$refused_device" "$@"
}

# answers PATTERN COMMAND: the running L2's monitor answers so.
answers()
{
	answers_pattern=$1
	shift
	: >/run/monitor-l2.log
	monitor "$*"
	answers_wait=0
	until grep -q -E "$answers_pattern" /run/monitor-l2.log; do
		answers_wait=$((answers_wait + 1))
		[ $answers_wait -lt 100 ] ||
			fail "no '$answers_pattern' in answer to '$*'"
		sleep 0.1
	done
	cat /run/monitor-l2.log >>/out/refusals.txt
	refusals=$((refusals + 1))
}

edu=$(dev edu)
ohci=$(dev ohci)
dev="vfio-pci,host=$edu"
bind_vfio "$edu"
bind_vfio "$ohci"

# shellcheck disable=SC2086 # the machine variables hold words
{
	for property in private fd-bars; do
		refused "$edu" "$property=on requires iommufd: add" \
			$PROTECTED -device "$dev,$property=on"
		refused "$edu" "$property=on requires KVM: use -accel kvm" \
			$TCG -device "$dev,iommufd=i0,$property=on"
		refused "$edu" "$property=on excludes x-vga=on: .*remove" \
			$PROTECTED -device "$dev,iommufd=i0,$property=on,x-vga=on"
		refused "$edu" "$property=on excludes x-igd-lpc=on.*remove" \
			$PROTECTED -device "$dev,iommufd=i0,$property=on,x-igd-lpc=on"
		refused "$edu" "$property=on excludes display: .*use display=off" \
			$PROTECTED -device "$dev,iommufd=i0,$property=on,display=on"
		refused "$edu" "$property=on excludes x-no-mmap=on: .*remove" \
			$PROTECTED -device "$dev,iommufd=i0,$property=on,x-no-mmap=on"
		refused "$edu" "$property=on excludes x-msix-relocation: .*remove" \
			$PROTECTED \
			-device "$dev,iommufd=i0,$property=on,x-msix-relocation=bar2"
		refused "$edu" "$property=on excludes x-no-kvm-intx=on: .*remove" \
			$PROTECTED \
			-device "$dev,iommufd=i0,$property=on,x-no-kvm-intx=on"
		refused "$edu" "$property=on excludes enable-migration=on: .*use" \
			$PROTECTED \
			-device "$dev,iommufd=i0,$property=on,enable-migration=on"
		refused "$ohci" "BAR 0 .*$property=on: it is smaller than a page" \
			$PROTECTED -device "vfio-pci,host=$ohci,iommufd=i0,$property=on"
	done
	refused "$edu" "private=on requires a confidential guest: set -machine" \
		$PLAIN -device "$dev,iommufd=i0,private=on"
	refused "$edu" "private=on includes fd-bars=on: remove" \
		$PROTECTED -device "$dev,iommufd=i0,private=on,fd-bars=on"
	for properties in private=on fd-bars=on rombar=0; do
		refused "$edu" "with a virtual IOMMU .*: pages .*; remove" \
			$PROTECTED -device intel-iommu \
			-device "$dev,iommufd=i0,$properties"
		refused "$edu" "with a virtual IOMMU .*: pages .*; remove" \
			$PROTECTED -device "$dev,iommufd=i0,$properties" \
			-device intel-iommu
	done
	refused_by virtio-mem "with guest_memfd, .*: use pc-dimm" \
		$PROTECTED -m 128M,slots=1,maxmem=1G \
		-object memory-backend-ram,id=m1,size=128M \
		-device virtio-mem-pci,memdev=m1
	refused_by sw-protected-vm "excludes kvm=off: .*; remove it" \
		$PROTECTED -cpu host,kvm=off
	refused_by sw-protected-vm \
		"excludes kvm-hc-map-gpa-range=off: .*; remove it" \
		$PROTECTED -cpu host,kvm-hc-map-gpa-range=off
}
say "$refusals command lines refused, each with one line"

sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_start boot -S $CGS -device pcie-root-port,id=rp0,chassis=1,slot=1 \
	-device "$dev,iommufd=i0,private=on"
answers "$edu.*(cannot be migrated|Migration is disabled)" migrate -d exec:true
answers "$edu.*(cannot be migrated|Migration is disabled)" savevm lab
answers "KVM has no dirty log of memory with guest_memfd" calc_dirty_rate -b 1
# shellcheck disable=SC2086 # PROTECTED holds words
refused "$edu" "private=on cannot have the device, it is in use .*: end that" \
	$PROTECTED -device "$dev,iommufd=i0,private=on"
answers "requires iommufd: add" \
	device_add "vfio-pci,id=d1,bus=rp0,host=$ohci,private=on"
answers "it is smaller than a page" \
	device_add "vfio-pci,id=d1,bus=rp0,host=$ohci,iommufd=i0,private=on"
monitor cont
l2_wait
[ "$l2_verdict" = 0 ] || fail "the VM does not run on after its refusals"
say "migration, snapshots and device_add refused by a VM that ran on"
