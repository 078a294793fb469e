# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One of two guests with private RAM and a TDI. The second copies until it is killed.
# The first has its device try a page of the second in each state, then copies while
# the other one dies.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# stranger WHAT STATUS: the device does not get to a page of the other VM
stranger()
{
	poke_line=$(tdi-dma "$tdi" poke "$other") || fail "$1: poke failed"
	case $2:$poke_line in
	-1:"-1 0 "* | 3:"3 "[1-9]*" $other") ;;
	*) fail "$1: DMA to $other of the other VM gives '$poke_line'" ;;
	esac
}

# copies: until /tmp/enough is there; one line for each in /tmp/copies
copies()
{
	until [ -e /tmp/enough ]; do
		copy "$tdi" direct
		echo "$copy_line" >>/tmp/copies
	done
}

private_ram || fail "this kernel does not keep its RAM private"
find_tsm
tdi=$(find_pci 1234:7d15)
insmod /lab/tdi_dma.ko
without_driver "$tdi"
enable_pci "$tdi"
: >/tmp/copies
if [ "$(kernel_arg lab.role)" = second ]; then
	run "$tdi"
	with_driver "$tdi"
	FROM_MIB=$(kernel_arg lab.mib)
	views pages
	copy "$tdi" direct
	ask works "${views% *}"
	copies
	fail "it has not been killed"
fi

query other
other=$answer
views pages
page=${views% *}
ask closed "$page"
stranger unlocked 3
lock "$tdi" || fail "lock failed"
ask closed "$page"
stranger locked -1
accept "$tdi" || fail "accept failed"
ask closed "$page"
stranger "in RUN, no driver" 3
with_driver "$tdi"
copy "$tdi" direct
ask open "$page"
stranger "in RUN" 3
copies &
copies_pid=$!
more_copies $(($(wc -l </tmp/copies) + 1))
ask kill "$page"
more_copies $(($(wc -l </tmp/copies) + 1))
: >/tmp/enough
wait $copies_pid || fail "a copy failed"
stranger "in RUN, the other VM is gone" 3
say "$(wc -l </tmp/copies) copies of 1 MiB while the other VM ran and was killed"
views_end
without_driver "$tdi"
end "$tdi"
ask closed "$page"
# The driver has turned it off.
enable_pci "$tdi"
stranger "after unlock" 3
