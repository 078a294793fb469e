# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest's part of a TDI, a VF, that ends in the middle of a request.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

ID=0x54494454

# number REQUEST: of the operation, or operations
number()
{
	case $1 in
	check) echo 1 ;;
	bind) echo 2 ;;
	report) echo 4 ;;
	start) echo 5 ;;
	state) echo 6 ;;
	unbind) echo 7 ;;
	dma) echo 0x80 0x81 ;;
	esac
}

find_vf()
{
	vf_wait=0
	until tdi=$(find_pci 1234:7d16); do
		vf_wait=$((vf_wait + 1))
		[ $vf_wait -lt 300 ] || fail "$step: no VF comes"
		sleep 0.1
	done
}

# The state that the request needs. Of BAR 0 the first of four parts is TEE memory, and
# the last two but for a page of MSI-X each, of BAR 2 all is.
prepare()
{
	[ "$1" != bind ] || return 0
	request "$tdi" 2 "0 1 0 0"
	for offset in 0 0x21000 0x31000; do
		convert_pages $(($(bar "$tdi" 0) + offset)) $((offset ? 15 : 16)) 16 0
	done
	convert_pages "$(bar "$tdi" 2)" $(($(bar_size "$tdi" 2) / 4096)) 16 0
	[ "$1" != dma ] || request "$tdi" 5 "0 1 0 0"
}

# over_and_over OPERATION...: until the host has done its part. It may be refused.
over_and_over()
{
	until [ -e /tmp/stop ]; do
		for operation; do
			tdcm "$tdi" "$operation" || :
		done
	done >/dev/null
}

once()
{
	tdcm "$tdi" "$1" >/dev/null
}

# leave: whatever it is in, it is unlocked afterwards, and within reach, be it another
# one in the same slot.
leave()
{
	request "$tdi" 7 "0 1 0 0"
	query left
	if [ "$answer" = slot ]; then
		slots bind
		slot_off
		ask back
		find_vf
		slots unbind
	fi
	enable_pci "$tdi"
	[ "$(mmio-peek "$tdi" 0 0)" = $ID ] || fail "$step: MMIO is not back"
}

# begin: the request is under way when the host ends the TDI. If it was faster than
# the host, it is made once more.
begin()
{
	begin_round=0
	answer=again
	while [ "$answer" = again ]; do
		[ $begin_round -eq 0 ] || { ask over; leave; }
		begin_round=$((begin_round + 1))
		[ $begin_round -lt 10 ] || fail "$step: no request is slow enough"
		prepare "${step%-*}"
		ask slow
		rm -f /tmp/stop
		case $step in
		check-* | dma-*) how=over_and_over ;;
		*) how=once ;;
		esac
		# shellcheck disable=SC2046 # words
		$how $(number "${step%-*}") &
		query mid
		touch /tmp/stop
		wait $! || true
	done
}

# in_the_middle STEP
in_the_middle()
{
	step=$1
	begin
	query settled
	settled=$answer
	case $settled in
	hidden | error)
		[ "$(mmio-peek "$tdi" 0 0)" = 0xffffffff ] ||
			fail "$step: MMIO is within reach in $settled" ;;
	esac
	leave
	request "$tdi" 2 "0 1 0 0"
	leave
	say "$step: $settled; a later lock works"
}

load_module
find_vf
enable_pci "$tdi"
# It is for the guest to say when a device goes that the host wants to have.
slots unbind
while query next && [ "$answer" != end ]; do
	in_the_middle "$answer"
done
