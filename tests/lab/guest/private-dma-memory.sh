# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Four TDIs, one after the other taken to RUN, where each moves data.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

private_ram || fail "this kernel does not keep its RAM private"
find_tsm
find_nvme
insmod /lab/tdi_dma.ko
ask 0
devices="$(find_pci 1234:7d15 1) $(find_pci 1234:7d15 2) $(find_pci 1234:7d15 3) $nvme"
count=0
for bdf in $devices; do
	without_driver "$bdf"
	enable_pci "$bdf"
	run "$bdf"
	with_driver "$bdf"
	if [ "$bdf" = "$nvme" ]; then
		disk "in RUN" 1
	else
		copy "$bdf" direct
	fi
	count=$((count + 1))
	ask $count
done
for bdf in $devices; do
	without_driver "$bdf"
	end "$bdf"
done
ask 0
