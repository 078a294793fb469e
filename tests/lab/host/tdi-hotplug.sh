# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# device_add, lock and start, device_del while it runs, and power-off in RUN.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# let_go: waits until QEMU has closed the device, which is when the slot is off.
let_go()
{
	go_wait=0
	# shellcheck disable=SC2010 # names of descriptors are numbers
	while ls -l "/proc/$(l2_pid)/fd" | grep -q vfio/devices; do
		go_wait=$((go_wait + 1))
		[ $go_wait -lt 300 ] || fail "QEMU does not let go of the device"
		sleep 0.1
	done
}

on_ask()
{
	case $1 in
	bound) bound "$nvme" || fail "the host does not see the TDI bound" ;;
	gone)
		gone "$nvme" nvme-tdi
		let_go
		;;
	add) monitor "device_add vfio-pci,id=d0,bus=rp0,host=$nvme,iommufd=i0,private=on" ;;
	del) monitor device_del d0 ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-hotplug $CGS $TDI_TRACE \
	-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off \
	-device pcie-root-port,id=rp0,chassis=1,slot=1
quiet_qemu
gone "$nvme" nvme-tdi
