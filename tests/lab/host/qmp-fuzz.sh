# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Random QMP commands from the host and random TDCM requests from the guest, both at
# once, about one disk; then it works as ever.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

SOCKET=$L2_DIR/qmp.sock

on_ask()
{
	case $1 in
	fuzz)
		{
			qmp-fuzz "$SOCKET" nvme0 "$LAB_COUNT" "$LAB_SEED" 2>/run/fuzz.err |
				while read -r sequences results; do
					echo "$results" >/run/fuzz.txt
					say "$sequences random sequences of commands, $results results"
				done
		} &
		fuzz_pid=$!
		;;
	fuzz_end)
		wait "$fuzz_pid" || fail "qmp-fuzz: $(tail -n 1 /run/fuzz.err)"
		read -r fuzz_results </run/fuzz.txt
		[ "$fuzz_results" -gt $((LAB_COUNT / 2)) ] ||
			fail "only $fuzz_results results in $LAB_COUNT sequences"
		;;
	bound) bound "$nvme" || fail "the host does not see the TDI bound" ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
L2_APPEND="lab.count=$LAB_COUNT lab.seed=$LAB_SEED"
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run qmp-fuzz $CGS $TDI_TRACE -qmp "unix:$SOCKET,server=on,wait=off" \
	-device vfio-pci,id=nvme0,host="$nvme",iommufd=i0,private=on
gone "$nvme" nvme-tdi
check_disk "$nvme"
