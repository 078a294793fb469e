# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest that keeps its RAM private: what QEMU counts, what the host reads in
# pages that the guest names, what both views hold at once; then a reboot, and a
# guest that is not asked to.
. /lab/host/lib.sh
. /lab/host/qmp-lib.sh

RAM_MIB=1024

# field NAME: a number of the last answer.
field()
{
	echo "$qmp_answer" | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" | grep .
}

# unevictable: KiB that the kernel cannot write out; guest_memfd's are among them.
unevictable()
{
	sed -n 's/^Unevictable: *\([0-9]*\).*/\1/p' /proc/meminfo
}

# shared_rss: KiB of the guest's RAM in its shared view.
shared_rss()
{
	awk -v want=$((RAM_MIB * 1024)) '
		$1 == "Size:" { ours = $2 >= want }
		$1 == "Rss:" && ours { sum += $2 }
		END { print sum + 0 }' "/proc/$(l2_pid)/smaps"
}

# read_word GPA: 8 bytes of the shared view.
read_word()
{
	hmp "xp /1gx $1"
	word_read=$(echo "$qmp_answer" | sed -n 's/.*: \(0x[0-9a-f]*\).*/\1/p')
	[ -n "$word_read" ] || fail "QEMU does not show $1: $qmp_answer"
}

# read_bounce GPA: did anything go through the first 4 MiB of the bounce buffers?
read_bounce()
{
	bounce_page=0
	while [ $bounce_page -lt 64 ]; do
		read_word $(($1 + bounce_page * 0x10000))
		if [ "$word_read" != 0x0000000000000000 ]; then
			answer=used
			return
		fi
		bounce_page=$((bounce_page + 1))
	done
	answer=unused
}

check_count()
{
	qmp_ok query-private-memory
	count_size=$(field size)
	count_private=$(field private)
	count_ranges=$(field ranges)
	say "$((count_private >> 20)) of $((count_size >> 20)) MiB are private, in $count_ranges ranges"
	if [ "$mode" = off ]; then
		[ "$count_private" -eq 0 ] || fail "$count_private bytes are private"
		return
	fi
	[ "$count_private" -ge $((count_size * 95 / 100)) ] ||
		fail "$count_private of $count_size bytes are private"
	hmp "info private_memory"
	qmp_has "$((count_private / 1024)) of $((count_size / 1024)) KiB"
}

# Of the guest's memory, most of which it has just written
check_both()
{
	both_private=$(($(unevictable) - unevictable_before))
	both_shared=$(shared_rss)
	say "$both_private KiB private and $both_shared KiB shared are in memory"
	[ $((both_private)) -ge $(($1 * 1024)) ] ||
		fail "the guest wrote $1 MiB, and $both_private KiB are private"
	[ $((both_private + both_shared)) -le $((RAM_MIB * 1024 * 102 / 100)) ] ||
		fail "$both_private KiB private and $both_shared KiB shared are more than the guest has"
	value_both=$((both_private + both_shared))
}

on_ask()
{
	# shellcheck disable=SC2086 # the words of the guest
	set -- $1
	case $1 in
	mode)
		boots=$((boots + 1))
		[ $boots -gt 1 ] || qmp_open
		answer=$mode
		check_count
		;;
	look)
		case $2 in
		bounce) read_bounce "$3" ;;
		*) read_word "$3"; answer=$word_read ;;
		esac
		;;
	full)
		check_count
		check_both "$2"
		;;
	end)
		[ $boots -eq "$last_boot" ] || answer=reboot
		;;
	*) fail "L2 asks for '$*'" ;;
	esac
}

# run_guest MODE BOOTS
run_guest()
{
	mode=$1
	last_boot=$2
	boots=0
	unevictable_before=$(unevictable)
	say "starting L2 with private-memory=$mode"
	# shellcheck disable=SC2086 # QMP_ARGS holds words
	l2_run private-ram -object sw-protected-vm,id=cgs0,private-memory="$mode" \
		-object iommufd,id=i0 $QMP_ARGS \
		-device vfio-pci,host="$nvme",iommufd=i0,private=on \
		-device vfio-pci,host="$edu",iommufd=i0,private=on
	[ $boots -eq "$last_boot" ] || fail "L2 booted $boots times, not $last_boot"
	quiet_qemu
}

nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"
sw_protected
L2_MEM=$RAM_MIB
L2_REBOOT=-action\ reboot=reset
run_guest off 1
run_guest on 2
check_disk "$nvme"
row "RAM kept private     $((count_private >> 10)) of $((count_size >> 10)) KiB, in $count_ranges ranges"
row "in both views        $value_both KiB in memory, $((RAM_MIB * 1024)) KiB are RAM"
