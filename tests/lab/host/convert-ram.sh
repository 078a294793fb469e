# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What it costs to convert RAM with a device there: 4 KiB, 2 MiB, 1 GiB, and random
# pages until LAB_COUNT have changed their view; and what memory the VMM and the
# host need when a GiB is shared, private, and every other page of it private. Times
# are printed for a reader. The verdict: where all is shared or private, it takes no
# more memory of the host than before, however much was converted meanwhile.
. /lab/host/lib.sh

# vmm_kb: what of QEMU's memory is not the guest's
vmm_kb()
{
	awk '/^Pss_Anon|^Pss:/ { next } /-/ && NF >= 5 { size = 0 }
		/^Size:/ { size = $2 }
		/^Private_Dirty:/ && size < 65536 { sum += $2 }
		END { print sum }' "/proc/$(l2_pid)/smaps"
}

first_slab=
on_ask()
{
	echo 3 >/proc/sys/vm/drop_caches
	slab=$(meminfo Slab)
	row "$(printf '%-10s host slab %7d KiB, VMM %6d KiB' "$1" "$slab" "$(vmm_kb)")"
	case $1 in
	shared) last_slab=$slab; : "${first_slab:=$slab}" ;;
	private) private_slab=$slab ;;
	esac
}

# figures NAME: one row; $1 of value is there, $2 back
figures()
{
	# shellcheck disable=SC2046 # two numbers
	set -- "$1" $(value "$1")
	row "$(awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN {
		printf "%-10s %10.3f ms to private %10.3f ms to shared", n, a / 1e6, b / 1e6 }')"
}

edu=$(dev edu)
bind_vfio "$edu"
sw_protected
L2_MEM=2304
L2_APPEND="memmap=1G\$1G lab.gpa=0x40000000 lab.mib=1024 lab.count=${LAB_COUNT:-100000}"
# shellcheck disable=SC2086 # CGS holds words
l2_run convert-ram $CGS -device "vfio-pci,host=$edu,iommufd=i0,private=on"
quiet_qemu
figures 4k
figures 2m
figures all
row "$(value random | awk '{ printf "random     %10.3f ms each of the first thousand, %.3f of the last: %.2f x",
	$1 / 1e6, $2 / 1e6, $2 / $1 }')"

[ "$private_slab" -le $((first_slab + 4096)) ] ||
	fail "a private GiB takes $((private_slab - first_slab)) KiB of host slab"
