# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What a read of a BAR costs, and how often it leaves the guest for QEMU. One L2
# has four edu devices, which take turns. Times are printed for a reader; only
# the counts of exits, KVM's own, decide the verdict.
. /lab/host/lib.sh

ROUNDS=200    # as mmio-bench does
READS=2000
TRAPPED_READS=20

# The guest asks for a count before and after each measurement.
count_before=
counts=
on_ask()
{
	if [ -z "$count_before" ]; then
		count_before=$(kvm_count mmio_exits)
		return
	fi
	counts="$counts $(($(kvm_count mmio_exits) - count_before))"
	count_before=
}

# figures LABEL NAME BASE-NAME: one row of the table.
figures()
{
	row "$(awk -v label="$1" -v ps="$(value "$2")" -v base="$(value "$3")" \
		'BEGIN { printf "%-26s %10.1f ns/read %9.3f x", label,
			ps / 1000, ps / base }')"
}

sw_protected
devices=
for options in edu:addr=0x10 edu2:addr=0x11,fd-bars=on \
	edu3:addr=0x12,private=on edu4:addr=0x13,x-no-mmap=on; do
	bdf=$(dev "${options%%:*}")
	bind_vfio "$bdf"
	devices="$devices -device vfio-pci,host=$bdf,iommufd=i0,${options#*:}"
done

L2_APPEND="lab.reads=$READS lab.trapped=$TRAPPED_READS"
# shellcheck disable=SC2086 # CGS and devices hold words
l2_run mmio-bench $CGS $devices

figures "private=off, mmapped BAR" mapped mapped
figures "fd-bars=on" fd_bars mapped
figures "private=on, shared view" shared mapped
figures "private=on, private view" private mapped_again
figures "x-no-mmap=on, trapped" trapped mapped
# shellcheck disable=SC2086 # three words
set -- $counts
row "exits to QEMU: $1 in $((3 * ROUNDS * READS)) reads, $2 in" \
	"$((2 * ROUNDS * READS)) with the private view, $3 in" \
	"$((ROUNDS * TRAPPED_READS)) trapped"

[ "$3" -ge $((ROUNDS * TRAPPED_READS)) ] ||
	fail "KVM counts $3 exits for trapped reads: the count is blind"
[ "$1" -eq 0 ] || fail "$1 exits to QEMU while reading shared BARs"
[ "$2" -eq 0 ] || fail "$2 exits to QEMU while reading a private BAR"
