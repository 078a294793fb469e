# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The host tries to get at a running TDI: through a mapping of its BARs, through
# /dev/mem and by opening it with VFIO a second time. It gets all ones or is
# refused, and the device counts each access as rejected, while the guest works.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# counter: accesses with T=0 that the device has rejected.
counter()
{
	tdi tdi-dev mmio-rejected-t0
	counter=$l0_answer
}

# closed COUNT WHAT COMMAND...: all ones, and COUNT more are rejected.
closed()
{
	closed_count=$1
	closed_what=$2
	shift 2
	counter
	closed_before=$counter
	closed_value=$("$@") || fail "$closed_what: cannot try"
	case $closed_value in
	0xffffffff | 0xFFFFFFFF | '') ;;
	*) fail "$closed_what gives $closed_value" ;;
	esac
	counter
	[ $((counter - closed_before)) -eq "$closed_count" ] ||
		fail "$closed_what: $((counter - closed_before)) accesses rejected, not $closed_count"
}

try_all()
{
	closed 1 "register by mmap" mmio-peek "$tdi" 0 0
	closed 1 "memory by mmap" mmio-peek "$tdi" 2 0x1000
	closed 1 "register by /dev/mem" devmem "$bar0" 32
	closed 1 "memory by /dev/mem" devmem $((bar2 + 0x1000)) 32
	closed 1 "write to a register" devmem $((bar0 + 8)) 32 0xdeadbeef
	closed 1 "write to memory" devmem $((bar2 + 0x1000)) 32 0xdeadbeef
	closed 0 "a second VFIO open" vfio-open "$tdi"
	[ "$(mmio-peek "$tdi" 0 0x10000)" = 0x54494454 ] ||
		fail "the open part does not answer"
}

on_ask()
{
	case $1 in
	shared)
		[ "$(mmio-peek "$tdi" 0 0)" = 0x54494454 ] ||
			fail "the host cannot read the shared device"
		;;
	running)
		tdi_is tdi-dev RUN
		for try in 1 2 3; do
			try_all
		done
		tdi_is tdi-dev RUN
		say "the host got nothing in $((try * 7)) tries; the device counted each"
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
bar0=$(sed -n 1p "/sys/bus/pci/devices/$tdi/resource" | cut -d' ' -f1)
bar2=$(sed -n 3p "/sys/bus/pci/devices/$tdi/resource" | cut -d' ' -f1)
sw_protected
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-host-access $CGS $TDI_TRACE \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
quiet_qemu
gone "$tdi" tdi-dev
