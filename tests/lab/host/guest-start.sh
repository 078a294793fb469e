# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What an assigned device costs a guest of LAB_MIB: the time from start to the
# first line of L2's init, with private=on against fd-bars=on; and device_add of
# the first device into a running guest, with how long another monitor's
# query-status waits meanwhile. Times are printed for a reader. The verdict is about
# what does not depend on the machine: how many mappings there are, and what memory
# the host needs for them.
. /lab/host/lib.sh
. /lab/host/qmp-lib.sh

# At most so many mappings of RAM in both views, and so much of the host's slab for a GiB
MOST_MAPS=128
MOST_SLAB_KB=1024

# maps: how often QEMU has mapped something for DMA
maps()
{
	grep -c 'iommufd_backend_map' /run/maps.log || true
}

# clock: hundredths of a second in $now, without a process that would take some
clock()
{
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# status_open: a second monitor, with a job that asks query-status out of band again
# and again. status_ask asks once as usual, while another monitor's command is in
# progress, for which that waits. status_end has its wait in $status_took, and in
# $oob_took the longest and in $oob_count how many there were out of band since
# status_begin; in hundredths of a second.
status_open()
{
	exec 9<>"$L2_DIR/qmp2.in"
	rm -f /run/status-*
	status_job <"$L2_DIR/qmp2.out" &
	status_pid=$!
	echo '{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": 1}' >&9
	until [ -e /run/status-open ]; do
		sleep 0.05
	done
}

status_job()
{
	job_most=0 job_count=0 job_counts='' job_usual=''
	while read -r job_line; do
		clock
		case $job_line in
		*'"error"'*) echo "$job_line" >/run/status-error; : >/run/status-open; break ;;
		*'"id": "usual"'*) job_usual=$now; continue ;;
		*'"id": 1'*) : >/run/status-open ;;
		*'"id": "oob"'*)
			if [ -n "$job_counts" ]; then
				job_count=$((job_count + 1))
				[ $((now - job_began)) -le $job_most ] || job_most=$((now - job_began))
			fi
			[ ! -e /run/status-done ] || [ -z "$job_usual" ] || break
			;;
		*) continue ;;
		esac
		[ ! -e /run/status-begun ] || job_counts=1
		job_began=$now
		echo '{"exec-oob": "query-status", "id": "oob"}' >&9
	done
	echo "$job_usual $job_most $job_count" >/run/status-end
}

status_begin()
{
	: >/run/status-begun
}

status_ask()
{
	clock
	status_began=$now
	echo '{"execute": "query-status", "id": "usual"}' >&9
}

status_end()
{
	: >/run/status-done
	wait "$status_pid"
	[ ! -e /run/status-error ] || fail "query-status: $(cat /run/status-error)"
	read -r status_took oob_took oob_count </run/status-end
	status_took=$((status_took - status_began))
	[ "$oob_count" -gt 0 ] || fail "no answer came out of band"
}

# What slab remains of a file that is read for the first time, of a process and of
# a VM does not belong to the device.
plug()
{
	qmp_open
	sync
	echo 3 >/proc/sys/vm/drop_caches
	slab_before=$(meminfo Slab)
	maps_before=$(maps)
	status_open
	status_begin
	qmp_send device_add "{\"driver\": \"vfio-pci\", \"id\": \"d0\", \"bus\": \"rp0\",
		\"host\": \"$edu\", \"iommufd\": \"i0\", \"private\": true}"
	# Whichever of two monitors QEMU reads first: not this one
	until [ "$(maps)" -gt "$maps_before" ]; do :; done
	status_ask
	qmp_end
	qmp_good device_add
	plug_took=$qmp_took
	slab=$(($(meminfo Slab) - slab_before))
	plug_maps=$(($(maps) - maps_before))
	status_end
}

on_ask()
{
	case $1 in
	up) up=$(uptime_now) ;;
	plug) plug ;;
	esac
}

# start NAME [ARGUMENT...]: one guest; hundredths of a second in $took
start()
{
	start_name=$1
	shift
	: >/run/maps.log
	start_began=$(uptime_now)
	l2_run guest-start -trace 'iommufd_backend_map*' -D /run/maps.log "$@"
	took=$(echo "$up $start_began" | awk '{ printf "%d", ($1 - $2) * 100 }')
	row "$start_name: first line after $((took / 100)).$(printf %02d $((took % 100))) s," \
		"$(maps) mappings"
}

L2_MEM=${LAB_MIB:-3072}
gib=$((L2_MEM / 1024))
edu=$(dev edu)
bind_vfio "$edu"

start "fd-bars=on" -object iommufd,id=i0 \
	-device "vfio-pci,host=$edu,iommufd=i0,fd-bars=on"
plain=$took
sw_protected
# shellcheck disable=SC2086 # CGS holds words
start "private=on" $CGS -device "vfio-pci,host=$edu,iommufd=i0,private=on"
private=$took
private_maps=$(maps)
row "$(awk -v a="$private" -v b="$plain" -v mib="$L2_MEM" 'BEGIN {
	printf "start of %d MiB, private=on / fd-bars=on: %.2f x", mib, a / b }')"

L2_APPEND="lab.plug=1"
L2_FIFOS="$L2_FIFOS qmp2.in qmp2.out"
# shellcheck disable=SC2086 # CGS, QMP_ARGS hold words
start "no device, then device_add" $CGS $QMP_ARGS \
	-chardev pipe,id=qmp2,path=$L2_DIR/qmp2 -mon chardev=qmp2,mode=control \
	-device pcie-root-port,id=rp0,chassis=1,slot=1
row "device_add: $((plug_took * 10)) ms, $plug_maps mappings, $slab KiB of host slab;" \
	"query-status meanwhile: $((status_took * 10)) ms, out of band at most" \
	"$((oob_took * 10)) ms ($oob_count times)"

[ "$private_maps" -gt 0 ] || fail "the trace of mappings is empty"
[ "$private_maps" -le $MOST_MAPS ] ||
	fail "$private_maps mappings at start: they depend on the size of RAM"
[ "$plug_maps" -gt 0 ] && [ "$plug_maps" -le $MOST_MAPS ] ||
	fail "$plug_maps mappings by device_add"
[ "$slab" -le $((MOST_SLAB_KB * (gib + 1))) ] ||
	fail "$slab KiB of host slab for mappings of $gib GiB"
