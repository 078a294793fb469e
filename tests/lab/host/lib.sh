# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What host scripts share: reports to L0 (over file descriptor 3, which init
# keeps open on ttyS1; answers come over 4), binding devices to vfio-pci,
# running one L2. A script runs under `sh -eu -o pipefail`; its exit status is
# the verdict.
#
# An L2 is started with l2_start and reports through a fifo, so a script that
# has something to do meanwhile defines on_ask (called with the guest's words).

QEMU=/lab/qemu
L2_DIR=/run/l2
# Nothing but the ACPI tables tells of root buses; to look for more on all 256 buses
# is 8192 reads that end in QEMU. The watchdog of clocks is off as in L1, and for
# the same reason (lablib/machine.py).
L2_KERNEL_ARGS="console=ttyS0 loglevel=5 panic=-1 panic_on_warn=1 oops=panic
	pci=lastbus=0 tsc=nowatchdog"

report()
{
	echo "$*" >&3
}

uptime_now()
{
	cut -d' ' -f1 /proc/uptime
}

say()
{
	report say "L1 $*"
}

# row TEXT: a line of the table that ends a narration.
row()
{
	report row "$*"
}

fail()
{
	report why "$*"
	exit 1
}

# l0 COMMAND: has L0's monitor, the hardware's back door, do something. Its answer
# is in $l0_answer.
l0()
{
	report l0 "$*"
	read -r l0_answer <&4
}

# skip REASON: the machine lacks what the case needs.
skip()
{
	report skip "$*"
	exit 4
}

# dev NAME: address of the device that the case calls NAME. /lab/devices says in
# which slot of the root bus it, or the root port above it, sits.
dev()
{
	dev_slot=$(sed -n "s/^$1 //p" /lab/devices)
	[ -n "$dev_slot" ] || fail "the case has no device '$1'"
	for dev_dir in "/sys/bus/pci/devices/0000:00:$dev_slot"/0000:??:??.?; do
		if [ -e "$dev_dir" ]; then
			echo "${dev_dir##*/}"
			return
		fi
	done
	echo "0000:00:$dev_slot"
}

# bind_driver BDF DRIVER
bind_driver()
{
	bind_dir=/sys/bus/pci/devices/$1
	if [ -e "$bind_dir/driver" ]; then
		echo "$1" >"$bind_dir/driver/unbind"
	fi
	echo "$2" >"$bind_dir/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ "$(basename "$(readlink "$bind_dir/driver")")" = "$2" ] ||
		fail "$1 did not bind to $2"
}

# bind_vfio BDF: gives the device to vfio-pci; it must be alone in its group.
bind_vfio()
{
	vfio_members=$(ls "/sys/bus/pci/devices/$1/iommu_group/devices")
	[ "$vfio_members" = "$1" ] ||
		fail "$1 shares its IOMMU group:" "$vfio_members"
	bind_driver "$1" vfio-pci
}

# bar_size BDF N: size of BAR N in bytes.
bar_size()
{
	sed -n "$(($2 + 1))p" "/sys/bus/pci/devices/$1/resource" |
		{ read -r bar_first bar_last bar_flags
		  : "$bar_flags"
		  echo $((bar_last - bar_first + 1)); }
}

# l2_fifos: what an L2 reports through. They are opened read-write here, so that no
# open blocks.
l2_fifos()
{
	mkdir -p $L2_DIR
	# shellcheck disable=SC2086 # L2_FIFOS holds words
	for l2_fifo in report.in report.out monitor.in monitor.out ${L2_FIFOS:-}; do
		rm -f $L2_DIR/$l2_fifo
		mkfifo $L2_DIR/$l2_fifo
	done
	exec 5<>$L2_DIR/report.in 6<>$L2_DIR/monitor.in 7<>$L2_DIR/report.out
}

# l2_start GUEST_SCRIPT [QEMU ARGUMENT...]: boots L2 in the background.
# L2_MACHINE and L2_APPEND add to -machine and to the kernel command line;
# L2_CPUS, L2_MEM, L2_ACCEL, L2_KERNEL (none: L2 has to find its kernel itself),
# L2_INITRD, L2_WRAP (words put before QEMU's own), L2_CONSOLE (a file) and L2_REBOOT
# replace their defaults, and L2_FIFOS names more fifos for QEMU. A second L2 at the
# same time is started by a subshell, which has an L2_DIR of its own.
#
# QEMU's exit is told in the reports' own stream, as "exit STATUS".
l2_start()
{
	l2_script=$1
	shift
	if [ "${LAB_SHELL:-}" = l2 ]; then
		l2_script=shell
	fi
	l2_fifos
	if [ "${L2_KERNEL:-}" != none ]; then
		set -- -kernel "${L2_KERNEL:-/lab/bzImage-guest}" \
			-initrd "${L2_INITRD:-/lab/l2.cpio}" \
			-append "$L2_KERNEL_ARGS lab.run=$l2_script ${L2_APPEND:-}" "$@"
	fi
	# shellcheck disable=SC2086 # L2_WRAP and L2_REBOOT hold words
	set -- ${L2_WRAP:-} $QEMU -L /lab/firmware -nodefaults -display none \
		-machine "q35,i8042=off${L2_MACHINE:+,$L2_MACHINE}" \
		-accel "${L2_ACCEL:-kvm}" \
		-cpu host -smp "${L2_CPUS:-1}" -m "${L2_MEM:-128}" \
		-chardev "file,id=con,path=${L2_CONSOLE:-/dev/ttyS2,input-path=/dev/ttyS2}" \
		-serial chardev:con \
		-chardev pipe,id=report,path=$L2_DIR/report \
		-serial chardev:report \
		-chardev pipe,id=mon,path=$L2_DIR/monitor \
		-mon chardev=mon,mode=readline ${L2_REBOOT:--no-reboot} "$@"
	printf "'%s' " "$@" >>/out/cmdline-l2.txt
	echo >>/out/cmdline-l2.txt
	cat $L2_DIR/monitor.out >>/run/monitor-l2.log &
	{
		l2_exit=0
		"$@" 3>&- 4>&- 5>&- 6>&- 7>&- >>/run/qemu-l2.log 2>&1 || l2_exit=$?
		echo "exit $l2_exit" >&7
	} &
}

# monitor COMMAND: to the human monitor of the running L2.
monitor()
{
	echo "$*" >&6
}

# l2_pid: the process that is L2's machine.
l2_pid()
{
	pidof qemu qemu-system-x86_64 | tr ' ' '\n' | sed -n 1p | grep .
}

# host_maps: the lines of QEMU's address space that belong to a device.
host_maps()
{
	grep -E 'vfio|dmabuf' "/proc/$(l2_pid)/maps" || true
}

# kvm_count NAME: one of KVM's own counters, over all VMs of L1.
kvm_count()
{
	cat "/sys/kernel/debug/kvm/$1"
}

# meminfo NAME: KiB of this host's memory, as /proc/meminfo names it.
meminfo()
{
	sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo
}

# value NAME: what the last L2 reported as "value NAME ...".
value()
{
	sed -n "s/^$1 //p" $L2_DIR/values | tail -n 1 | grep .
}

# without_notice FILE: coroutines make ASan, in a QEMU that has it, say this of itself.
without_notice()
{
	sed -i "/WARNING: ASan doesn't fully support makecontext/d" "$1"
}

# quiet_qemu: QEMU had nothing to say about this run.
quiet_qemu()
{
	without_notice /run/qemu-l2.log
	[ ! -s /run/qemu-l2.log ] ||
		fail "L2's QEMU says: $(sed -n 1p /run/qemu-l2.log)"
}

# stop_l2: the runner's time is up. Asks L2's machine where it stands, for
# whoever reads the logs, and ends it; init calls this beside the script.
stop_l2()
{
	stop_pid=$(l2_pid) || return 0
	grep . /proc/"$stop_pid"/task/*/wchan >/run/qemu-threads.log
	for stop_command in "info status" "info registers" "info lapic" stack \
		quit; do
		if [ "$stop_command" = stack ]; then
			stop_command="x /80gx 0x$(sed -n 's/.*RSP=\([0-9a-f]*\).*/\1/p' \
				/run/monitor-l2.log | tail -n 1)"
		fi
		echo "$stop_command" 1<>$L2_DIR/monitor.in
		sleep 1
	done
	kill -KILL "$stop_pid" 2>/dev/null || true
}

# on_ask WORDS: what L1 does when the guest asks; scripts replace it. They may
# set answer, to nothing if the guest is not to get one.
on_ask()
{
	fail "L2 asks for '$*' and nobody answers"
}

# l2_wait: follows L2's reports until QEMU has ended. Sets l2_verdict (the guest
# script's exit status, or "killed"), l2_why (its reason) and l2_exit (QEMU's).
l2_wait()
{
	l2_verdict=killed
	l2_why=
	: >$L2_DIR/values
	while read -r l2_verb l2_text <&7; do
		case $l2_verb in
		exit) l2_exit=$l2_text; break ;;
		verdict) l2_verdict=$l2_text ;;
		ask)
			answer=go
			on_ask "$l2_text"
			[ -z "$answer" ] || echo "$answer" >&5
			;;
		say)
			[ -z "${LAB_TIMELINE:-}" ] ||
				report at "$(wallclock)" "$l2_text"
			report say "L2 $l2_text"
			;;
		value) echo "$l2_text" >>$L2_DIR/values ;;
		why) l2_why=$l2_text ;;
		disk) l2_disk=$l2_text; report disk "$l2_text" ;;
		*) report "$l2_verb" "$l2_text" ;;
		esac
	done
	exec 5>&- 6>&- 7>&-
	if [ "${LAB_SHELL:-}" = l2 ]; then
		exit 0
	fi
}

# l2_good: fails unless the guest script succeeded and QEMU left with 0.
l2_good()
{
	[ "$l2_verdict" = 0 ] ||
		fail "${l2_why:-L2 was $l2_verdict, QEMU left with $l2_exit}:" \
			"$(tail -n 1 /run/qemu-l2.log)"
	[ "$l2_exit" = 0 ] || fail "L2's QEMU ended with status $l2_exit"
}

# l2_run GUEST_SCRIPT [QEMU ARGUMENT...]: one L2 from start to its good end
l2_run()
{
	l2_start "$@"
	l2_wait
	l2_good
}

# sw_protected: makes the next l2_start a software-protected VM; its -object
# arguments come with $CGS.
CGS="-object sw-protected-vm,id=cgs0 -object iommufd,id=i0"
sw_protected()
{
	L2_MACHINE=confidential-guest-support=cgs0,smm=off
}

# refused_by OBJECT PATTERN QEMU-ARGUMENT...: QEMU ends with status 1 and one line
# that names OBJECT and matches PATTERN. $refusals counts them.
refusals=0
refused_by()
{
	refused_object=$1
	refused_pattern=$2
	shift 2
	refused_status=0
	timeout 60 $QEMU -L /lab/firmware -nodefaults -display none -S "$@" \
		>/run/refusal.txt 2>&1 || refused_status=$?
	without_notice /run/refusal.txt
	{ echo "## $*"; cat /run/refusal.txt; } >>/out/refusals.txt
	[ $refused_status -eq 1 ] ||
		fail "status $refused_status, not 1: $*"
	[ "$(grep -c . /run/refusal.txt)" -eq 1 ] ||
		fail "not one line but $(grep -c . /run/refusal.txt): $*"
	grep -q "$refused_object" /run/refusal.txt ||
		fail "$refused_object is not named: $(cat /run/refusal.txt)"
	grep -q -E "$refused_pattern" /run/refusal.txt ||
		fail "'$refused_pattern' is not in: $(cat /run/refusal.txt)"
	refusals=$((refusals + 1))
}

# check_disk BDF: gives the disk back to this kernel's own driver and compares
# its content with what L2 reported (l2_wait keeps that in l2_disk).
check_disk()
{
	bind_driver "$1" nvme
	disk_wait=0
	until disk_node=$(ls -d /sys/bus/pci/devices/"$1"/nvme/nvme*/nvme*n1 2>/dev/null); do
		disk_wait=$((disk_wait + 1))
		[ $disk_wait -lt 300 ] || fail "the disk does not come back in L1"
		sleep 0.1
	done
	disk_sum=$(dd if="/dev/${disk_node##*/}" bs=1M count="${l2_disk#* }" 2>/dev/null |
		sha256sum)
	[ "${disk_sum%% *}" = "${l2_disk% *}" ] ||
		fail "the disk holds ${disk_sum%% *} in L1, L2 wrote ${l2_disk% *}"
	say "the disk holds the same ${l2_disk#* } MiB seen from L1"
}
