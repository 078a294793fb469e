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

# meanwhile COMMAND...: runs it while the slow device connects. One more in $during
# if it has ended by then.
meanwhile()
{
	(echo "$tsm" >"$sys/$slow/tsm/connect") &
	slow_pid=$!
	sleep 0.1
	"$@" &
	pid_ends $! "$*"
	if kill -0 $slow_pid 2>/dev/null; then
		during=$((during + 1))
	fi
	pid_ends $slow_pid "connecting the slow device"
	echo "$tsm" >"$sys/$slow/tsm/disconnect" || fail "disconnect failed"
}

bind_and_unbind()
{
	VFIO_SELFTESTS_BDF=$other /lab/selftests/vfio_pci_tdi_test \
		-t what_the_user_does_is_not_told >/out/selftest.txt 2>&1
}

# read_report: of the slow device. It has five seconds, which are not enough.
read_report()
{
	! VFIO_SELFTESTS_BDF=$slow /lab/selftests/vfio_pci_tdi_test \
		-t error_is_told_after_requests >/out/selftest-slow.txt 2>&1
}

# beside_report COMMAND...: runs it while the slow device, which is bound then, gives
# its report. One more in $during if it has ended by then.
beside_report()
{
	read_report &
	slow_pid=$!
	until bound "$slow"; do
		kill -0 $slow_pid 2>/dev/null || fail "the slow device is not bound"
	done
	"$@" &
	pid_ends $! "$*"
	if kill -0 $slow_pid 2>/dev/null; then
		during=$((during + 1))
	fi
	pid_ends $slow_pid "reading a report for longer than there is time"
}

stop=/tmp/stop
slow=$(dev tdi-dev)
other=$(dev nvme-tdi)
pf=$(dev tdi-vfs)
make_vf "$pf"
connect_tsm "$pf"
tsm=$connect_name
bind_vfio "$other"
connect_tsm "$other"

readers &
readers &
reader=$!
tdi tdi-dev x-fault-delay-ms 800
during=0
round=0
while [ $round -lt $ROUNDS ]; do
	round=$((round + 1))
	meanwhile again
done
row "$during of $ROUNDS times disconnected and connected while another connects"
[ $during -gt 0 ] || fail "a device waits for another to connect"

during=0
round=0
while [ $round -lt $ROUNDS ] && [ $during -eq 0 ]; do
	round=$((round + 1))
	meanwhile bind_and_unbind
done
row "a TDI bound and unbound while another device connects, after $round rounds"
[ $during -gt 0 ] || fail "a TDI waits for another device to connect"

for file in disconnect connect; do
	(echo "$tsm" >"$sys/$slow/tsm/connect") &
	slow_pid=$!
	# It is shown as soon as it begins.
	until [ -n "$(cat "$sys/$slow/tsm/connect")" ]; do
		kill -0 $slow_pid 2>/dev/null || fail "the slow device does not connect"
	done
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

tdi tdi-dev x-fault-delay-ms 150
tdi tdi-dev x-fault-single-bytes true
bind_vfio "$slow"
for command in bind_and_unbind again; do
	during=0
	round=0
	while [ $round -lt $ROUNDS ] && [ $during -eq 0 ]; do
		round=$((round + 1))
		beside_report $command
	done
	row "$command while another device gives its report, after $round rounds"
	[ $during -gt 0 ] || fail "$command waits for another device's report"
done
tdi tdi-dev x-fault-delay-ms 0
echo "$tsm" >"$sys/$slow/tsm/disconnect" || fail "disconnect failed"

: >$stop
pid_ends $reader "reading what is shown"
for file in authenticated tsm/bound tsm/dsm; do
	[ -e "$sys/$vf/$file" ] || fail "a VF of a connected PF has no $file"
done
echo "$tsm" >"$sys/$pf/tsm/disconnect" || fail "disconnect failed"
for file in authenticated tsm/bound tsm/dsm; do
	[ ! -e "$sys/$vf/$file" ] || fail "a VF still has $file"
done

# connecting: until it is shown that the PF begins to connect, which takes its time
connecting()
{
	(echo "$tsm" >"$sys/$pf/tsm/connect") &
	slow_pid=$!
	until [ -n "$(cat "$sys/$pf/tsm/connect")" ]; do
		kill -0 $slow_pid 2>/dev/null || fail "the PF does not connect"
	done
}

# VFs that appear then have a context as soon as it is connected, and not before: it may
# fail to.
tdi tdi-vfs x-fault-delay-ms 900
during=0
round=0
while [ $round -lt $ROUNDS ] && [ $during -eq 0 ]; do
	round=$((round + 1))
	echo 0 >"$sys/$pf/sriov_numvfs"
	connecting
	echo 4 >"$sys/$pf/sriov_numvfs"
	early=$(ls "$sys/$vf/tsm/bound" 2>/dev/null) || :
	if kill -0 $slow_pid 2>/dev/null; then
		during=$((during + 1))
		[ -z "$early" ] || fail "a VF has a context before its PF is connected"
	fi
	pid_ends $slow_pid "connecting the PF"
	[ -e "$sys/$vf/tsm/bound" ] || fail "a VF has no context once it is"
	echo "$tsm" >"$sys/$pf/tsm/disconnect" || fail "disconnect failed"
done
row "VFs appeared while their PF connects, after $round rounds"
[ $during -gt 0 ] || fail "VFs do not appear while their PF connects"
tdi tdi-vfs x-fault-delay-ms 0

# Nobody connects to a TSM that goes, not even what it has passed by then: it goes from
# the last device to the first, and the PF comes after the one that is slow to stop.
connect_tsm "$slow"
tdi tdi-dev x-fault-delay-ms 150
read_report &
reader=$!
until bound "$slow"; do
	kill -0 $reader 2>/dev/null || fail "the slow device is not bound"
done
tdi tdi-dev x-fault-delay-ms 900
insmod /lab/host_acts.ko "departs=$slow" &
goes=$!
while bound "$slow"; do
	kill -0 $goes 2>/dev/null || break
done
(! echo "$tsm" >"$sys/$pf/tsm/connect") 2>/dev/null ||
	fail "a device connects to a TSM that goes"
kill -0 $goes 2>/dev/null || fail "it was too late for that"
pid_ends $goes "the departure of the TSM"
pid_ends $reader "reading a report of a device that is stopped"
