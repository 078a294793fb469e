# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What memory a guest of a GiB costs with no TDI in RUN, with one and with four: what
# is pinned or locked for it, what the VMM has beside it, the host's slab, and the
# tables of IOMMU and KVM. The verdict: a TDI more pins and locks no page, and takes
# of VMM and slab what a device is worth, not what the guest's memory is.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# For each TDI, in KiB: the VMM's thread with its heap, and what a domain has by itself
MOST_KB=2048

# of_qemu NAME: KiB of its process
of_qemu()
{
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$(l2_pid)/status"
}

# TDIS and what is there then, in a line of numbers.
on_ask()
{
	echo 3 >/proc/sys/vm/drop_caches
	echo "$1 $(of_qemu VmPin) $(of_qemu VmLck) $(of_qemu RssAnon)" \
		"$(meminfo Slab) $(meminfo SecPageTables)" >>/run/memory
	tail -n 1 /run/memory | {
		read -r tdis pin lck anon slab tables
		row "$(printf '%s in RUN: pinned %7d KiB, locked %d, VMM %6d, slab %6d, tables %5d' \
			"$tdis" "$pin" "$lck" "$anon" "$slab" "$tables")"
	}
}

: >/run/memory
devices=
for name in tdi-dev tdi-large tdi-vfs nvme-tdi; do
	bdf=$(dev $name)
	connect_tsm "$bdf"
	bind_vfio "$bdf"
	devices="$devices -device vfio-pci,host=$bdf,iommufd=i0,private=on"
done
sw_protected
L2_MEM=1024
# shellcheck disable=SC2086 # words
l2_run private-dma-memory -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $devices
quiet_qemu
awk -v most=$MOST_KB '
	{ tdis[NR] = $1; pin[NR] = $2; lck[NR] = $3; anon[NR] = $4; slab[NR] = $5 }
	END {
		if (NR != 6 || tdis[2] != 1 || tdis[5] != 4) { print "no figures"; exit 1 }
		for (i = 2; i <= 5; i++) {
			if (pin[i] > pin[1] || lck[i] > lck[1]) {
				print tdis[i] " TDIs pin or lock more than none"; exit 1 }
			if (i > 2 && anon[i] - anon[i - 1] > most) {
				print "the VMM grows by " anon[i] - anon[i - 1] " KiB"; exit 1 }
			if (i > 2 && slab[i] - slab[i - 1] > most) {
				print "slab grows by " slab[i] - slab[i - 1] " KiB"; exit 1 }
		}
	}' /run/memory >/run/verdict || fail "$(cat /run/verdict)"
