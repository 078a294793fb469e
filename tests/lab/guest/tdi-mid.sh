# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest's part of a TDI that ends in the middle of a request.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# number REQUEST: of the operation, and the state that it needs.
number()
{
	case $1 in
	bind) echo 2 ;;
	report) echo 4 ;;
	start) echo 5 ;;
	state) echo 6 ;;
	unbind) echo 7 ;;
	esac
}

prepare()
{
	[ "$1" != bind ] || return 0
	request "$nvme" 2 "0 1 0 0"
	convert_pages "$(bar0 "$nvme")" 2 16 0
}

# leave: whatever it is in, it is unlocked afterwards.
leave()
{
	request "$nvme" 7 "0 1 0 0"
	ask connect
	enable_pci "$nvme"
	[ "$(mmio-peek "$nvme" 0 8)" = 0x00010400 ] || fail "$step: MMIO is not back"
}

# begin: the request is under way when the host ends the TDI. If it was faster than
# the host, it is made once more.
begin()
{
	begin_round=0
	answer=again
	while [ "$answer" = again ]; do
		[ $begin_round -eq 0 ] || { ask calm; leave; }
		begin_round=$((begin_round + 1))
		[ $begin_round -lt 10 ] || fail "$step: no request is slow enough"
		prepare "${step%-*}"
		ask slow
		tdcm "$nvme" "$(number "${step%-*}")" >/dev/null &
		query mid
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
		[ "$(mmio-peek "$nvme" 0 8)" = 0xffffffff ] ||
			fail "$step: MMIO is within reach in $settled" ;;
	esac
	leave
	request "$nvme" 2 "0 1 0 0"
	leave
	say "$step: $settled; a later lock works"
}

load_module
take_nvme
while query next && [ "$answer" != end ]; do
	in_the_middle "$answer"
done
