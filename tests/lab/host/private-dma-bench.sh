# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What DMA to private memory gains over bounce buffers, in one run: bytes, and the
# guest's CPU time for them. Figures for a reader; they decide nothing.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# figures NAME KIB LABEL
figures()
{
	row "$(awk -v kib="$2" -v label="$3" -v b="$(value "$1.bounced.us")" \
		-v p="$(value "$1.private.us")" -v bc="$(value "$1.bounced.cpu")" \
		-v pc="$(value "$1.private.cpu")" 'BEGIN {
			if (!b) b = 1; if (!p) p = 1; if (!pc) pc = 1
			printf "%-20s bounced %8.2f MiB/s, private %8.2f MiB/s: %5.2f x;" \
				" CPU %4d to %4d cs: %5.2f x", label, kib / b * 976.5625,
				kib / p * 976.5625, b / p, bc, pc, pc / (bc ? bc : 1) }')"
}


tdi=$(dev tdi-dev)
nvme=$(dev nvme-tdi)
connect_tsm "$tdi"
connect_tsm "$nvme"
bind_vfio "$tdi"
bind_vfio "$nvme"
sw_protected
L2_MEM=1024
l2_run private-dma-bench -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on
quiet_qemu
figures copy $((2 * 64 * 1024)) "testdev copy 64 MiB"
for size in 4:4096 64:32768 1024:65536; do
	figures "read-${size%:*}" "${size#*:}" "nvme read ${size%:*} KiB"
	figures "write-${size%:*}" "${size#*:}" "nvme write ${size%:*} KiB"
done
