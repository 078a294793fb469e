# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What guest scripts share that lock and start devices; to be sourced after
# lib.sh. The first half is what any user of such a guest types; the second makes
# bare TDCM requests, without the guest kernel's TSM.

# find_tsm: name of the TSM that is for guests, in $tsm.
find_tsm()
{
	tsm=$(for tsm_link in /sys/class/tsm/*; do
		readlink "$tsm_link"
	done | sed -n 's|.*/soft_devsec/.*/||p' | grep .) ||
		fail "no TSM: $(dmesg | grep -i -E "tsm|devsec" | tail -n 1)"
}

# tdi_is BDF STATE: the device says that it is unlocked, locked, run or error.
tdi_is()
{
	tdi_state=$(cat "/sys/bus/pci/devices/$1/tsm/state")
	[ "$tdi_state" = "$2" ] || fail "$1 is in $tdi_state, not in $2"
}

# lock BDF, accept BDF, unlock BDF: as a user would; false if it does not work.
lock()
{
	echo "$tsm" >"/sys/bus/pci/devices/$1/tsm/lock"
}

accept()
{
	echo 1 >"/sys/bus/pci/devices/$1/tsm/accept"
}

unlock()
{
	echo "$tsm" >"/sys/bus/pci/devices/$1/tsm/unlock"
}

# refused WHAT COMMAND...: this must fail.
refused()
{
	refused_what=$1
	shift
	! "$@" 2>/dev/null || fail "$refused_what"
}

# run BDF: from unlocked to run.
run()
{
	lock "$1" || fail "$1: lock failed"
	accept "$1" || fail "$1: accept failed"
	tdi_is "$1" run
}

# end BDF: back to unlocked.
end()
{
	unlock "$1" || fail "$1: unlock failed"
	tdi_is "$1" unlocked
}

# bring BDF STATE: a tdi-testdev is config-locked, or works in run.
bring()
{
	case $2 in
	config-locked) lock "$1" || fail "lock failed" ;;
	run)
		run "$1"
		use "$1" || fail "the device does not work in RUN" ;;
	*) fail "no such state: $2" ;;
	esac
}

# use BDF: a tdi-testdev does what it is for. It has no driver that turns it on.
use()
{
	enable_pci "$1"
	tdi-check "$1" work
}

# find_nvme: address of the NVMe disk, in $nvme.
find_nvme()
{
	until_nvme 1
	nvme=$(basename "$(dirname "$(grep -l 0x010802 /sys/bus/pci/devices/*/class)")")
}

# until_nvme COUNT: waits until so many are there.
until_nvme()
{
	hotplug_wait=0
	until [ "$(grep -l 0x010802 /sys/bus/pci/devices/*/class | wc -l)" = "$1" ]; do
		hotplug_wait=$((hotplug_wait + 1))
		[ $hotplug_wait -lt 600 ] || fail "not $1 NVMe disks but $(grep -l 0x010802 \
			/sys/bus/pci/devices/*/class | wc -l)"
		sleep 0.1
	done
}

# without_driver BDF, with_driver BDF: the stock driver lets go of it, or takes it.
without_driver()
{
	if [ -e "/sys/bus/pci/devices/$1/driver" ]; then
		echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
	fi
}

with_driver()
{
	echo "$1" >/sys/bus/pci/drivers_probe
}

# take_nvme: finds the NVMe disk, and has it ready for a lock.
take_nvme()
{
	find_nvme
	without_driver "$nvme"
	enable_pci "$nvme"
}

# disk HOW DMA [MIB]: the NVMe disk works, and its data goes as tsm/dma says, which
# is DMA.
disk()
{
	[ "$(cat "/sys/bus/pci/devices/$nvme/tsm/dma")" = "$2" ] ||
		fail "$1: tsm/dma is not $2"
	bounce_slots
	disk_test "${3:-}"
	bounce_slots
	case $2:$bounce_slots in
	0:[1-9]*) disk_way="through bounce buffers" ;;
	1:0) disk_way="straight from and to private memory" ;;
	*) fail "$1: tsm/dma is $2, and $bounce_slots slots of bounce buffers were used" ;;
	esac
	say "nvme, $1: stock driver wrote $disk_mib MiB and read them back unchanged, $disk_way"
}

# request BDF OPERATION EXPECTED: "RESULT STATUS ERROR LENGTH ..." begins so; all
# of it is in $reply.
request()
{
	reply=$(tdcm wait "$1" "$2") || fail "operation $2 was not taken: $reply"
	case $reply in
	"$3"*) ;;
	*) fail "operation $2 gave '$reply', expected '$3'" ;;
	esac
}

# bar BDF N: guest physical address of a BAR, and of BAR 0.
bar()
{
	sed -n "$(($2 + 1))p" "/sys/bus/pci/devices/$1/resource" | cut -d' ' -f1
}

bar0()
{
	bar "$1" 0
}

# bar_size BDF N: size of a BAR in bytes.
bar_size()
{
	sed -n "$(($2 + 1))p" "/sys/bus/pci/devices/$1/resource" |
		{ read -r bar_first bar_last bar_flags
		  : "$bar_flags"
		  echo $((bar_last - bar_first + 1)); }
}

# slots unbind|bind: whether the kernel looks after the slots of root ports. While it
# does not, it does not hear of buttons either, by which QEMU asks for a device.
slots()
{
	for slots_port in /sys/bus/pci_express/devices/*:pcie004; do
		echo "${slots_port##*/}" >"/sys/bus/pci_express/drivers/pciehp/$1"
	done
}

# slot_off: turns off the one slot that there is, so that its device goes. When one
# comes, the kernel turns it on.
slot_off()
{
	echo 0 | tee /sys/bus/pci/slots/*/power >/dev/null
}

# convert_pages GPA PAGES ATTRIBUTES RESULT: one hypercall and what it must return.
convert_pages()
{
	[ "$(convert raw "$1" "$2" "$3")" = "$4" ] ||
		fail "conversion of $1 + $2 pages to $3 is not $4"
}

# request_run BDF: from unlocked to run; of BAR 0 two pages are TEE memory, as an
# NVMe disk has it. The host has to agree.
request_run()
{
	request "$1" 6 "0 1 0 1 00"
	request "$1" 2 "0 1 0 0"
	convert_pages "$(bar0 "$1")" 2 16 0
	request "$1" 5 "0 1 0 0"
	request "$1" 6 "0 1 0 1 02"
	ask bound
}

# copy BDF direct|bounced: a MiB to a tdi-testdev and back by its driver, which has the
# same bytes then; direct: not by bounce buffers. $copy_line is what it says.
copy()
{
	copy_line=$(tdi-dma "$1" copy $((1 << 20))) || fail "$1: copy failed"
	copy_how=$2
	# shellcheck disable=SC2086 # words
	set -- $copy_line
	case $copy_how:$1:$2:$3 in
	*:2:0:*) fail "copy has mapped nothing: $copy_line" ;;
	direct:2:*:0 | bounced:2:*:"$2") ;;
	*) fail "copy, which should be $copy_how: $copy_line" ;;
	esac
}

# more_copies COUNT: until /tmp/copies has so many lines
more_copies()
{
	more_wait=0
	until [ "$(wc -l </tmp/copies)" -ge "$1" ]; do
		more_wait=$((more_wait + 1))
		[ $more_wait -lt 600 ] || fail "no copy ends"
		sleep 0.1
	done
}

# random_requests: as many as lab.count says, which is $requests then; the host took
# $taken of them.
random_requests()
{
	requests=$(kernel_arg lab.count)
	tdcm-fuzz "$nvme" "$requests" "$(kernel_arg lab.seed)" |
		while read -r requests taken; do
			echo "$taken" >/tmp/taken
			say "$requests random requests, $taken of them taken"
		done || fail "tdcm-fuzz failed"
	read -r taken </tmp/taken
}
