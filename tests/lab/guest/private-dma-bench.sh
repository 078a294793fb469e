# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The same transfers through bounce buffers and in RUN, with private RAM: the disk
# in requests of three sizes, and 64 MiB to a tdi-testdev and back. Figures, and
# no judgement.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

sizes="4096 65536 1048576"
copy_bytes=$((64 << 20))

# measure WHERE: each figure as "rate" and "ms", in files named after it.
measure()
{
	measure_dir=/tmp/$1
	mkdir -p "$measure_dir"
	until [ -b /dev/nvme0n1 ]; do
		sleep 0.1
	done
	for size in $sizes; do
		mib=$((size == 4096 ? 16 : 128))
		for way in read write; do
			disk-rate /dev/nvme0n1 $way "$size" $mib \
				>"$measure_dir/$way-$size" || fail "disk-rate failed"
		done
	done
	copy=$(tdi-dma "$tdi" copy $copy_bytes) || fail "copy failed"
	case $copy in
	"2 "*) ;;
	*) fail "the copy ended so: $copy" ;;
	esac
	# shellcheck disable=SC2086 # words
	set -- $copy
	echo "$4 0" >"$measure_dir/copy-$copy_bytes"
}

# table: one line for each figure
table()
{
	for figure in /tmp/bounced/*; do
		name=${figure##*/}
		read -r before before_ms <"$figure"
		read -r after after_ms <"/tmp/run/$name"
		row "$(echo "$name $before $after $before_ms $after_ms" | awk '{
			printf "%-16s %8.1f MiB/s bounced %8.1f in RUN, %5.2f times", $1,
				$2 / 1048576, $3 / 1048576, $3 / $2
			if ($4) printf "; CPU %d ms and %d ms", $4, $5 }')"
		value "$name" "$before $after"
	done
}

private_ram || fail "this kernel does not keep its RAM private"
find_nvme
find_tsm
tdi=$(find_pci 1234:7d15)
insmod /lab/tdi_dma.ko
measure bounced
for device in "$nvme" "$tdi"; do
	without_driver "$device"
	run "$device"
	with_driver "$device"
	[ "$(cat "/sys/bus/pci/devices/$device/tsm/dma")" = 1 ] ||
		fail "DMA of $device does not go to private memory"
done
measure run
for device in "$nvme" "$tdi"; do
	without_driver "$device"
	end "$device"
done
table
