# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# virtio-balloon and private RAM: a guest that keeps its RAM private does not use it,
# one that converts parts of it does, if its user lets the device have addresses that
# are not translated, which is not the default of such a VM. With an assigned device
# QEMU frees nothing, as that may be told to use it at any time; without, it does.
. /lab/host/lib.sh
. /lab/host/qmp-lib.sh

RAM_MIB=256
LESS_MIB=160

# field NAME: a number of the last answer
field()
{
	echo "$qmp_answer" | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" | grep .
}

# private_is BYTES WHEN: as QEMU counts
private_is()
{
	qmp_ok query-private-memory
	[ "$(field private)" = "$1" ] ||
		fail "$2: $(field private) bytes are private, not $1"
}

# in_memory: KiB of the guest's RAM that are there, in its shared view
in_memory()
{
	awk -v want=$((RAM_MIB * 1024)) '
		$1 == "Size:" { ours = $2 == want }
		$1 == "Rss:" && ours { sum += $2 }
		END { print sum + 0 }' "/proc/$(l2_pid)/smaps"
}

# balloon MIB: the guest is to have so much, and has it.
balloon()
{
	qmp_ok balloon "{\"value\": $(($1 << 20))}"
	balloon_wait=0
	until qmp_ok query-balloon && [ "$(field actual)" = $(($1 << 20)) ]; do
		balloon_wait=$((balloon_wait + 1))
		[ $balloon_wait -lt 600 ] || fail "of $1 MiB the guest has $(field actual)"
		sleep 0.1
	done
}

on_ask()
{
	case $1 in
	written) ;;
	nothing)
		qmp_ok query-private-memory
		private=$(field private)
		[ "$private" -gt 0 ] || fail "nothing is private"
		qmp_ok balloon "{\"value\": $((LESS_MIB << 20))}"
		sleep 1
		qmp_ok query-balloon
		[ "$(field actual)" = $((RAM_MIB << 20)) ] ||
			fail "the guest gave memory: $qmp_answer"
		private_is "$private" "after a balloon"
		;;
	inflate)
		private_is $((HALF_MIB << 20)) "before it inflates"
		full=$(in_memory)
		balloon $LESS_MIB
		private_is $((HALF_MIB << 20)) "inflated"
		freed=$((full - $(in_memory)))
		;;
	deflate) balloon $RAM_MIB ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

# run PRIVATE BALLOON [ARGUMENT...]: one guest
run()
{
	run_private=$1
	run_balloon=$2
	shift 2
	freed=0
	# shellcheck disable=SC2086 # QMP_ARGS holds words
	l2_start balloon -object "sw-protected-vm,id=cgs0,private-memory=$run_private" \
		-object iommufd,id=i0 $QMP_ARGS \
		-device "virtio-balloon-pci$run_balloon" "$@"
	qmp_open
	l2_wait
	l2_good
	quiet_qemu
}

device=$(dev tdi-dev)
bind_vfio "$device"
sw_protected
L2_MEM=$RAM_MIB
run on "" -device "vfio-pci,host=$device,iommufd=i0,private=on"
say "a guest that keeps its RAM private: no balloon"
plain=,iommu_platform=off
MIB=16
HALF_MIB=8
L2_APPEND="memmap=${MIB}M\$88M lab.gpa=0x5800000 lab.mib=$MIB lab.seed=1"
run off $plain -device "vfio-pci,host=$device,iommufd=i0,private=on"
row "with a device: $((freed / 1024)) of $((RAM_MIB - LESS_MIB)) MiB are freed"
[ $freed -lt 4096 ] || fail "$freed KiB were freed that a device may be told to use"
run off $plain
row "without: $((freed / 1024)) of $((RAM_MIB - LESS_MIB)) MiB are freed"
# Some of it has never been there.
[ $freed -ge $(((RAM_MIB - LESS_MIB) * 512)) ] || fail "only $freed KiB were freed"
