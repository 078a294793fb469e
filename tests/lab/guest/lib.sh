# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What guest scripts share: reports to L1, and finding devices. Reports and
# answers go over file descriptor 3, which init keeps open on ttyS1.

report()
{
	echo "$*" >&3
}

say()
{
	report say "$*"
}

# fail TEXT: ends the script; TEXT becomes the reason of the case's failure.
fail()
{
	report why "L2: $*"
	exit 1
}

# query WORD: asks L1 something and waits for its answer, in $answer.
query()
{
	report ask "$*"
	read -r answer <&3
}

# ask WORD: has L1 do what only the host can do, and waits until it is done.
ask()
{
	query "$@"
	[ "$answer" = go ] || fail "L1 answered '$answer' to '$*'"
}

# value NAME NUMBER: a figure for the host script.
value()
{
	report value "$*"
}

# row TEXT: a line of the table that ends a narration.
row()
{
	report row "$*"
}

# kernel_arg NAME: the value of NAME=value on the kernel command line.
kernel_arg()
{
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"
}

# find_pci VENDOR:DEVICE [N]: address of the Nth such device, first by default.
find_pci()
{
	for pci_dir in /sys/bus/pci/devices/*; do
		read -r pci_vendor <"$pci_dir/vendor"
		read -r pci_device <"$pci_dir/device"
		if [ "$pci_vendor:$pci_device" = "0x${1%:*}:0x${1#*:}" ]; then
			echo "${pci_dir##*/}"
		fi
	done | sed -n "${2:-1}p" | grep .
}

# pci_command BDF BITS: sets the command register: 2 is memory decode, 4 is bus
# mastership.
pci_command()
{
	pci-config "$1" 4 2 "$2"
}

# enable_pci BDF: decode and mastership on, for a device that no driver has.
enable_pci()
{
	pci_command "$1" 6
}

# load_module: the hypercalls for `convert`. In a guest that keeps its RAM private,
# init has done it.
load_module()
{
	[ -e /dev/tdi-lab ] || insmod /lab/tdi_lab.ko
}

# private_ram: does this kernel keep its RAM private?
private_ram()
{
	dmesg | grep 'Memory Encryption Features active: KVM software-protected' >/dev/null
}

# views WORD...: starts ram-views, and leaves the line that it prints in $views.
# FROM_MIB says where its ordinary page may lie.
views()
{
	rm -f /tmp/views /tmp/views-end
	# shellcheck disable=SC2086 # one word or none
	ram-views "$@" /tmp/views-end ${FROM_MIB:-} >/tmp/views &
	views_pid=$!
	views_wait=0
	until read -r views </tmp/views; do
		views_wait=$((views_wait + 1))
		[ $views_wait -lt 600 ] || fail "ram-views says nothing"
		sleep 0.1
	done
}

# views_end: ends it; the memory that it holds is as it was.
views_end()
{
	: >/tmp/views-end
	wait "$views_pid" || fail "the guest's memory has changed"
}

# bounce_slots: how many slots of the bounce buffers were in use at once since the
# last time, in $bounce_slots.
bounce_slots()
{
	bounce_slots=$(cat /sys/kernel/debug/swiotlb/io_tlb_used_hiwater)
	echo 0 >/sys/kernel/debug/swiotlb/io_tlb_used_hiwater
}

# disk_test [MIB]: fills the first MIB, 4 if it is not said, of the NVMe disk with
# fresh bytes through the stock driver and reads them back. Reports "disk SHA256
# MIB", which L1 and L0 compare with what they find there.
disk_test()
{
	disk_mib=${1:-4}
	disk_wait=0
	until [ -b /dev/nvme0n1 ]; do
		disk_wait=$((disk_wait + 1))
		[ $disk_wait -lt 300 ] || fail "no NVMe disk appears"
		sleep 0.1
	done
	disk-fill /dev/nvme0n1 "$disk_mib" || fail "disk-fill failed"
	disk_sum=$(dd if=/dev/nvme0n1 bs=1M count="$disk_mib" 2>/dev/null | sha256sum)
	report disk "${disk_sum%% *}" "$disk_mib"
}
