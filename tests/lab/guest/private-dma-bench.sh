# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# DMA of the same devices by bounce buffers, before lock, and to private memory, in
# RUN: the disk under its stock driver in three sizes, and copies of 64 MiB by
# tdi-testdev. Reports figures: "NAME.MODE.us" for the time, "NAME.MODE.cpu" for
# the hundredths of a second that this guest's CPUs were busy.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

busy()
{
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat
}

now_us()
{
	awk '{ printf "%d", $1 * 1000000 }' /proc/uptime
}

# measure NAME COMMAND...
measure()
{
	measure_name=$1
	shift
	measure_busy=$(busy)
	measure_us=$(now_us)
	"$@" >/dev/null 2>&1 || fail "$measure_name: $* failed"
	value "$measure_name.$mode.us" $(($(now_us) - measure_us))
	value "$measure_name.$mode.cpu" $(($(busy) - measure_busy))
}

disk()
{
	for size in 4:1024 64:512 1024:64; do
		kib=${size%:*}
		measure "read-$kib" dd if=/dev/nvme0n1 of=/dev/null iflag=direct \
			bs="${kib}k" count="${size#*:}"
		measure "write-$kib" dd if=/dev/zero of=/dev/nvme0n1 oflag=direct \
			bs="${kib}k" count="${size#*:}"
	done
}

# A first round, which is not counted, has everything in place.
round()
{
	mode=warm
	measure copy tdi-dma "$tdi" copy $((64 << 20))
	disk
	mode=$1
	measure copy tdi-dma "$tdi" copy $((64 << 20))
	disk
}

private_ram || fail "this kernel does not keep its RAM private"
find_tsm
find_nvme
tdi=$(find_pci 1234:7d15)
insmod /lab/tdi_dma.ko
round bounced
for device in "$tdi" "$nvme"; do
	without_driver "$device"
	run "$device"
done
echo "$tdi" >/sys/bus/pci/drivers/tdi-dma/bind
with_driver "$nvme"
for device in "$tdi" "$nvme"; do
	[ "$(cat "/sys/bus/pci/devices/$device/tsm/dma")" = 1 ] ||
		fail "DMA of $device does not go to private memory"
done
round private
