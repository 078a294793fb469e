# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One device is slow to connect to its TSM. Meanwhile the files of another, that
# anybody may read, are read in a loop, and that one is disconnected and connected
# again: neither waits for the slow one, nor for the readers, for good. Who wants
# something of the slow one itself waits until it is connected, and no longer. Nor does
# anybody wait for another while a TDI is slow with its report.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

ROUNDS=8
ETIMEDOUT=110
sys=/sys/bus/pci/devices

# readers: everything of the VFs that shows a context, until $stop exists
readers()
{
	until [ -e "$stop" ]; do
		# They are there only now and then
		cat "$sys/$pf"/virtfn*/tsm/* "$sys/$pf"/virtfn*/authenticated || :
	done >/dev/null 2>&1
}

again()
{
	echo "$tsm" >"$sys/$pf/tsm/disconnect" && sleep 0.05 &&
		echo "$tsm" >"$sys/$pf/tsm/connect"
}

# connects BDF: begins to connect it, in $slow_pid
connects()
{
	(echo "$tsm" >"$sys/$1/tsm/connect") &
	slow_pid=$!
	# It is shown as soon as it begins.
	until [ -n "$(cat "$sys/$1/tsm/connect")" ]; do
		kill -0 $slow_pid 2>/dev/null || break
	done
}

# ends_first COMMAND...: does it end before $slow_pid?
ends_first()
{
	"$@" &
	pid_ends $! "$*"
	kill -0 $slow_pid 2>/dev/null
}

# beside_connect COMMAND...: it ends before the slow device is connected, which cannot
# be as slow as one would like: once of $ROUNDS times.
beside_connect()
{
	round=1
	first=
	while [ -z "$first" ]; do
		[ $round -le $ROUNDS ] || fail "$* waits for another to connect"
		connects "$slow"
		! ends_first "$@" || first=$round
		# Where the machine is slow as well, the device may answer too late.
		! wait $slow_pid || echo "$tsm" >"$sys/$slow/tsm/disconnect" ||
			fail "disconnect failed"
		round=$((round + 1))
	done
	row "$* while another device connects, in round $first"
}

# raw_tdi NAME BDF: a VM with this TDI, which does what NAME.in says
raw_tdi()
{
	mkfifo "/run/$1.in" "/run/$1.out"
	raw-tdi "$2" <"/run/$1.in" >"/run/$1.out" 2>"/out/raw-tdi-$1.txt" 6>&- 7<&- &
	eval "raw_$1=$!"
}

# says FD ANSWER: it says that next
says()
{
	read -r answer <&"$1"
	[ "$answer" = "$2" ] || fail "raw-tdi says '$answer', not '$2'"
}

# order FD-IN FD-OUT WORD: begins
order()
{
	echo "$3" >&"$1"
	says "$2" "$3"
}

bind_and_unbind()
{
	order 6 7 bind
	says 7 0
	order 6 7 unbind
	says 7 0
}

stop=/tmp/stop
slow=$(dev tdi-dev)
other=$(dev tdi-large)
pf=$(dev tdi-vfs)
make_vf "$pf"
connect_tsm "$pf"
tsm=$connect_name
bind_vfio "$other"
connect_tsm "$other"

readers &
readers &
reader=$!
raw_tdi other "$other"
exec 6>/run/other.in 7</run/other.out
says 7 ready

tdi tdi-dev x-fault-delay-ms 500
beside_connect again
beside_connect bind_and_unbind

tdi tdi-dev x-fault-delay-ms 200
for file in disconnect connect; do
	connects "$slow"
	if [ $file = disconnect ]; then
		(echo "$tsm" >"$sys/$slow/tsm/disconnect") &
	else
		# It is connected by then
		(! echo "$tsm" >"$sys/$slow/tsm/connect") 2>/dev/null &
	fi
	waiter=$!
	pid_ends $slow_pid "connecting the slow device"
	pid_ends $waiter "a $file during that"
done

tdi tdi-dev x-fault-delay-ms 0
bind_vfio "$slow"
raw_tdi slow "$slow"
exec 8>/run/slow.in 9</run/slow.out
says 9 ready
order 8 9 bind
says 9 0
# In single bytes it has not given it after the five seconds that it has.
tdi tdi-dev x-fault-delay-ms 150
tdi tdi-dev x-fault-single-bytes true
order 8 9 report
says 9 $ETIMEDOUT &
slow_pid=$!
for command in bind_and_unbind again; do
	ends_first $command || fail "$command waits for another device's report"
	row "$command while another device gives its report"
done
pid_ends $slow_pid "reading a report for longer than there is time"
tdi tdi-dev x-fault-delay-ms 0
order 8 9 unbind
says 9 0

: >$stop
pid_ends $reader "reading what is shown"
for file in authenticated tsm/bound tsm/dsm; do
	[ -e "$sys/$vf/$file" ] || fail "a VF of a connected PF has no $file"
done
echo "$tsm" >"$sys/$pf/tsm/disconnect" || fail "disconnect failed"
for file in authenticated tsm/bound tsm/dsm; do
	[ ! -e "$sys/$vf/$file" ] || fail "a VF still has $file"
done

# told: how often the TSM has connected the PF
told()
{
	dmesg | grep -c "$pf: connected" || :
}

# VFs that appear then have a context as soon as it is connected, and not before: it may
# fail to.
tdi tdi-vfs x-fault-delay-ms 500
round=1
first=
while [ -z "$first" ]; do
	[ $round -le $ROUNDS ] || fail "VFs do not appear while their PF connects"
	echo 0 >"$sys/$pf/sriov_numvfs"
	before=$(told)
	connects "$pf"
	echo 1 >"$sys/$pf/sriov_numvfs"
	if [ -e "$sys/$vf/tsm/bound" ]; then
		# The TSM says so first.
		[ "$(told)" -gt "$before" ] ||
			fail "a VF has a context before its PF is connected"
	elif kill -0 $slow_pid 2>/dev/null; then
		first=$round
	fi
	if wait $slow_pid; then
		[ -e "$sys/$vf/tsm/bound" ] || fail "a VF has no context once it is"
		echo "$tsm" >"$sys/$pf/tsm/disconnect" || fail "disconnect failed"
	else
		first=
	fi
	round=$((round + 1))
done
row "VFs appeared while their PF connects, in round $first"
tdi tdi-vfs x-fault-delay-ms 0

# Nobody connects to a TSM that goes, not even what it has passed by then: it goes from
# the last device to the first, and the PF comes after the one that is slow to stop.
order 8 9 bind
says 9 0
tdi tdi-dev x-fault-delay-ms 500
insmod /lab/host_acts.ko "departs=$slow" &
goes=$!
while bound "$slow"; do
	kill -0 $goes 2>/dev/null || break
done
(! echo "$tsm" >"$sys/$pf/tsm/connect") 2>/dev/null ||
	fail "a device connects to a TSM that goes"
kill -0 $goes 2>/dev/null || fail "it was too late for that"
pid_ends $goes "the departure of the TSM"
exec 6>&- 7<&- 8>&- 9<&-
pid_ends "$raw_other" "the VM of the other device"
pid_ends "$raw_slow" "the VM of the slow device"
