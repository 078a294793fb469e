# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# query-tdi, tdi-bind, tdi-unbind and their events, in every state of a disk; with
# a device that is slow, and with one that refuses. What else the monitor can do to
# a VM is safe, or is blocked with the name of the device.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

ID='{"id": "nvme0"}'

begin()
{
	qmp_open
	qmp_ok query-tdi
	qmp_has '"id": "nvme0"' "\"host\": \"$nvme\"" '"state": "config-unlocked"' \
		'"busy": false' '"tsm-kind": "software"' '"kvm": true' \
		'"attribute": "shared"' '"binds": 0' '"errors": 0' '"dma": true'
	qmp_err DeviceNotFound "'nvme1'" tdi-bind '{"id": "nvme1"}'
	qmp_err GenericError "" tdi-bind '{"id": 1}'
	qmp_err GenericError "" tdi-bind
	qmp_err CommandNotFound tdi-start tdi-start "$ID"
	qmp_ok device-list-properties '{"typename": "vfio-pci"}'
	qmp_has '"name": "private"' "turn them private"
	# The guest's driver has left it without bus mastering.
	qmp_err GenericError "bus mastering" tdi-bind "$ID"
}

bind()
{
	qmp_from_here
	request tdi-bind "$ID"
	changed config-unlocked config-locked monitor
	completed '"operation": "bind"'
	tdi_is nvme-tdi CONFIG_LOCKED
	bound "$nvme" || fail "L1's kernel does not see it bound"
	qmp_ok query-tdi
	qmp_has '"state": "config-locked"' '"report-digest": "' '"binds": 1'
	qmp_err GenericError "in the state" tdi-bind "$ID"
}

run()
{
	changed config-locked run guest
	qmp_ok query-tdi
	qmp_has '"state": "run"' '"attribute": "private"' '"conversions": 1'
	hmp info tdi
	qmp_has "nvme0: host $nvme" "run" "kind software" "private at 0x"
	watch
	case $l0_answer in
	*"nvme0"*"$nvme"*"run"*"software"*"private"*) ;;
	*) fail "tdi-monitor shows: $l0_answer" ;;
	esac
	say "tdi-monitor shows the disk in RUN"
	blocked
}

# no_migration: in none of the modes, and the device is named as a reason in each.
# It need not be the only one, nor the first: VFIO blocks ordinary migration by
# itself, and CPR wants other memory than this VM has.
no_migration()
{
	for mode in normal cpr-reboot cpr-transfer cpr-exec; do
		qmp_ok migrate-set-parameters "{\"mode\": \"$mode\",
			\"cpr-exec-command\": [\"true\"]}"
		# A CPR transfer wants a second channel before it looks at anything.
		qmp_err GenericError "" migrate "{\"channels\": [$(channel main)
			$([ $mode != cpr-transfer ] || echo ", $(channel cpr)")]}"
		say "$mode: $(echo "$qmp_answer" | sed 's/.*"desc": "\([^"]*\)".*/\1/')"
		qmp_ok query-migrate
		qmp_has "vfio $nvme: a device with private=on cannot be migrated"
		case $qmp_answer in
		*'"status":'*) fail "a migration has begun: $qmp_answer" ;;
		esac
	done
	qmp_ok migrate-set-parameters '{"mode": "normal"}'
	qmp_err GenericError "$nvme" migrate '{"uri": "exec:true"}'
	hmp savevm lab
	qmp_has "$nvme: "
	qmp_ok query-status
	qmp_has '"status": "running"'
}

channel()
{
	echo "{\"channel-type\": \"$1\", \"addr\": {\"transport\": \"socket\",
		\"type\": \"unix\", \"path\": \"/tmp/$1\"}}"
}

# blocked: what would need the device's content or state elsewhere.
blocked()
{
	no_migration
	qmp_ok stop
	qmp_ok query-tdi
	qmp_has '"state": "run"'
	qmp_ok cont
	tdi_is nvme-tdi RUN
	# Neither sees a byte of the BAR: it is no memory to them.
	qmp_ok query-tdi
	blocked_gpa=$(echo "$qmp_answer" | sed -n 's/.*"address": \([0-9]*\).*/\1/p')
	qmp pmemsave "{\"val\": $blocked_gpa, \"size\": 4096, \"filename\": \"/tmp/bar\"}"
	if [ -e /tmp/bar ]; then
		tr -d '\377\000' </tmp/bar | wc -c | grep -q '^0$' ||
			fail "pmemsave has read the BAR"
	fi
	qmp_ok dump-guest-memory '{"paging": false, "protocol": "file:/tmp/dump",
		"begin": 0, "length": 1048576}'
	qmp dump-guest-memory "{\"paging\": false, \"protocol\": \"file:/tmp/dump2\",
		\"begin\": $blocked_gpa, \"length\": 4096}"
	[ ! -e /tmp/dump2 ] || [ "$(wc -c </tmp/dump2)" -lt 4096 ] ||
		fail "dump-guest-memory has dumped the BAR"
	tdi_is nvme-tdi RUN
}

unbind()
{
	qmp_from_here
	request tdi-refresh "$ID"
	completed
	request tdi-unbind "$ID"
	changed run hidden monitor
	completed
	gone "$nvme" nvme-tdi
	qmp_ok query-tdi
	qmp_has '"state": "hidden"' '"kvm": false'
	# Once more changes nothing for the guest.
	request tdi-unbind "$ID"
	completed
	qmp_ok query-tdi
	qmp_has '"state": "hidden"'
}

slow()
{
	# It takes a message for each byte of the report; Linux waits for five seconds.
	tdi nvme-tdi x-fault-single-bytes true
	tdi nvme-tdi x-fault-delay-ms 40
	qmp_from_here
	request tdi-bind "$ID"
}

# still: the guest has done things in the meantime, and so can the monitor. If that
# took longer than the device, it has to be done again.
still()
{
	qmp_ok stop
	hmp info registers
	qmp_ok cont
	qmp_ok query-tdi
	case $qmp_answer in
	*'"busy": true'*) qmp_has '"state": "config-unlocked"' ;;
	*)
		slow_end
		answer=again
		;;
	esac
}

slow_end()
{
	changed config-unlocked config-locked monitor
	completed
	tdi nvme-tdi x-fault-delay-ms 0
	tdi nvme-tdi x-fault-single-bytes false
	hmp tdi_unbind nvme0
	changed config-locked config-unlocked monitor
}

refused()
{
	tdi nvme-tdi x-fault-refuse-lock 260
	qmp_from_here
	request tdi-bind "$ID"
	completed '"operation": "bind"' '"kind": "device"'
	qmp_ok query-tdi
	qmp_has '"state": "config-unlocked"' '"errors": 1' '"last-error": {'
	tdi nvme-tdi x-fault-refuse-lock 0
	gone "$nvme" nvme-tdi
}

on_ask()
{
	case $1 in
	begin | bind | run | unbind | slow | still | refused) "$1" ;;
	slow_end)
		slow_end
		say "a slow lock held up neither the monitor nor the guest"
		;;
	ends) ends ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

# ends: a reset while it is locked; in its second life the end while it is about to
# be.
ends()
{
	ends_count=$((ends_count + 1))
	qmp_from_here
	qmp_ok query-tdi
	qmp_has '"state": "config-unlocked"'
	case $ends_count in
	1)
		qmp_ok tdi-bind "$ID"
		changed config-unlocked config-locked monitor
		qmp_ok system_reset
		changed config-locked config-unlocked reset
		gone "$nvme" nvme-tdi
		;;
	2)
		tdi nvme-tdi x-fault-delay-ms 1000
		qmp_ok tdi-bind "$ID"
		echo '{"execute": "quit"}' >&8
		;;
	esac
	answer=
}

$QEMU -device vfio-pci,help | grep -q 'private=<bool> *- .*turn them private' ||
	fail "-device vfio-pci,help does not explain private"
nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
# shellcheck disable=SC2086 # CGS, QMP_ARGS and TDI_TRACE hold words
l2_run tdi-qmp $CGS $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,id=nvme0,host="$nvme",iommufd=i0,private=on
gone "$nvme" nvme-tdi
check_disk "$nvme"
say "locked, run and unbound over QMP; the disk works afterwards"

bind_vfio "$nvme"
ends_count=0
# The one blank keeps the default, -no-reboot, away.
L2_REBOOT=" "
# shellcheck disable=SC2086
l2_start tdi-qmp-ends $CGS $QMP_ARGS \
	-device vfio-pci,id=nvme0,host="$nvme",iommufd=i0,private=on
qmp_open
l2_wait
[ $ends_count -eq 2 ] || fail "L2 lived $ends_count times"
[ "$l2_exit" = 0 ] || fail "QEMU left with $l2_exit"
tdi nvme-tdi x-fault-delay-ms 0
gone "$nvme" nvme-tdi
say "reset while locked, quit while a lock was in progress: nothing is left"
