# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Runs each of the kernel's selftests that the case brings along, once for each
# device of the case if it has any. One that skips has not run, so it fails the
# case; and so does a single test of those programs that LAB_WHOLE names.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# arguments NAME: what keeps a test within the lab's time. Upstream's defaults
# measure for minutes; here it matters that all of it runs. A step that takes
# longer than upstream's 10 s is slow: the case's timeout tells what hangs.
# Without LAB_FULL it is fewer rounds of the same, 64 MiB instead of a GiB for the
# guest that writes while memslots change, and of the six of memslot_perf_test not
# the first two, map and unmap: the unmap in chunks, which is the third, maps the
# same pages and unmaps them.
arguments()
{
	case ${LAB_FULL:+full-}$1 in
	memslot_perf_test) echo "-l 1 -s 512 -t 3600 -f 2" ;;
	full-memslot_perf_test) echo "-l 1 -s 512 -t 3600" ;;
	memslot_modification_stress_test) echo "-i 2 -b 64M" ;;
	full-memslot_modification_stress_test) echo "-i 2" ;;
	set_memory_region_test) echo 2 ;;
	esac
}

# prepare NAME: what a test expects to find: the huge pages that it maps, or that
# KVM emulates what a guest asks it to.
prepare()
{
	case $1 in
	iommufd) echo 80 >/proc/sys/vm/nr_hugepages ;;
	private_mem_access_test)
		echo 1 >/sys/module/kvm/parameters/force_emulation_prefix ;;
	esac
}

# run_test PROGRAM LABEL
run_test()
{
	prepare "${1##*/}"
	began=$(uptime_now)
	status=0
	# shellcheck disable=SC2046 # the arguments are words
	"$1" $(arguments "${1##*/}") >"/out/$2.txt" 2>&1 || status=$?
	row "$2: exit $status after" \
		"$(awk -v a="$began" -v b="$(uptime_now)" 'BEGIN { print b - a }') s"
	if [ $status -ne 0 ]; then
		tail -n 8 "/out/$2.txt" |
			while read -r line; do row "$2: $line"; done
		bad="$bad $2 ($status: $(tail -n 1 "/out/$2.txt"))"
	fi
	case " ${LAB_WHOLE:-} " in
	*" $2 "*) bad=$bad$(grep '# SKIP' "/out/$2.txt" || true) ;;
	esac
}

# Rounds of what races with a revocation, of 1000.
[ -n "${LAB_FULL:-}" ] || export VFIO_DMABUF_TOGGLES=250

bad=
# LAB_NO_EMULATION: KVM is not to emulate for software-protected VMs.
if [ -n "${LAB_NO_EMULATION:-}" ]; then
	insmod /lab/no_emulation.ko || fail "no_emulation does not load"
fi
devices=$(cut -d' ' -f1 /lab/devices)
for name in $devices; do
	bdf=$(dev "$name")
	bind_vfio "$bdf"
	[ ! -e "/sys/bus/pci/devices/$bdf/tsm/connect" ] || connect_tsm "$bdf"
done
for program in /lab/selftests/*; do
	if [ -z "$devices" ]; then
		run_test "$program" "${program##*/}"
	fi
	for name in $devices; do
		VFIO_SELFTESTS_BDF=$(dev "$name")
		export VFIO_SELFTESTS_BDF
		run_test "$program" "${program##*/}-$name"
	done
done
for label in ${LAB_WHOLE:-}; do
	[ -e "/out/$label.txt" ] || fail "no selftest is called $label"
done
[ -z "$bad" ] || fail "selftests failed:$bad"
if [ -n "${LAB_NO_EMULATION:-}" ]; then
	refused=$(cat /sys/module/no_emulation/parameters/refused)
	row "KVM was kept from emulating $refused times"
	[ "$refused" -gt 0 ] || fail "KVM was never kept from emulating"
fi
