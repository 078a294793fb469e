# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Which files a VF has in tsm/ changes with its context and with the TSMs that there
# are. Both change at once here, and slowly, while the VFs come and go too and somebody
# writes to files that wait: nothing hangs, no file is made twice (the kernel warns of
# that), and in the end each VF has what it ought to have.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

sys=/sys/bus/pci/devices
stop=/tmp/stop

# forever COMMAND...: again and again, until $stop exists; fails if it never worked
forever()
{
	forever_done=0
	until [ -e "$stop" ]; do
		# The others are in the way now and then
		if "$@" 2>/dev/null; then
			forever_done=$((forever_done + 1))
		fi
	done
	say "$forever_done times: $*"
	[ $forever_done -gt 0 ]
}

come_and_go()
{
	insmod /lab/devsec_idle.ko && rmmod devsec_idle
}

connect_and_not()
{
	echo "$tsm" >"$sys/$pf/tsm/disconnect" || :
	echo "$tsm" >"$sys/$pf/tsm/connect"
}

# Where there is a file to write to, locking fails: nobody can
lock_vfs()
{
	for lock_vf in "$sys/$pf"/virtfn*; do
		[ -e "$lock_vf/tsm/lock" ] || continue
		for lock_id in 1 2 3 4; do
			! echo "tsm$lock_id" >"$lock_vf/tsm/lock" || return
		done
		cat "$lock_vf/tsm/bound" "$lock_vf/tsm/report" >/dev/null || :
	done
}

vfs_come_and_go()
{
	echo 0 >"$sys/$pf/sriov_numvfs" && echo 4 >"$sys/$pf/sriov_numvfs"
}

# files NAME...: each VF has these in tsm/, and no others
files()
{
	for files_vf in "$sys/$pf"/virtfn*; do
		files_are=$(cd "$files_vf/tsm" 2>/dev/null && echo *) || :
		[ "$files_are" = "$*" ] ||
			fail "$(readlink "$files_vf") has '$files_are', not '$*'"
	done
}

pf=$(dev tdi-vfs)
make_vf "$pf"
connect_tsm "$pf"
tsm=$connect_name

insmod /lab/slow_files.ko
pids=
for what in come_and_go connect_and_not lock_vfs vfs_come_and_go; do
	forever $what &
	pids="$pids $!"
done
sleep "${LAB_SECONDS:-15}"
touch $stop
for pid in $pids; do
	pid_ends "$pid" "$pid of $pids"
done

rmmod slow_files

# Whatever they left
echo "$tsm" >"$sys/$pf/tsm/disconnect" 2>/dev/null || :
echo 4 >"$sys/$pf/sriov_numvfs" 2>/dev/null || :
[ "$(cat "$sys/$pf/sriov_numvfs")" = 4 ] || fail "there are no 4 VFs"

files
insmod /lab/devsec_idle.ko
files accept dma lock report state unlock
echo "$tsm" >"$sys/$pf/tsm/connect"
files accept bound dma dsm lock report state unlock
rmmod devsec_idle
files bound dsm
vfs_come_and_go
files bound dsm
echo "$tsm" >"$sys/$pf/tsm/disconnect"
files
