# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Two tdi-testdevs are started and stopped, one while the other's DMA goes on. A
# third one, and the disk, are devices like any other: private memory is out of their
# reach, and they work by what is shared.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# poke BDF: it does not get to the private page, and this is recorded.
poke()
{
	poke_line=$(tdi-dma "$1" poke "$page") || fail "$1: poke failed"
	case $poke_line in
	"3 "[1-9]*" $page") ;;
	*) fail "$1: DMA to $page gives '$poke_line'" ;;
	esac
}

# ordinary WHEN: the devices that nobody locks
ordinary()
{
	poke "$plain"
	use "$plain" || fail "$1: the device with fd-bars=on does not work"
}

start()
{
	run "$1"
	with_driver "$1"
	copy "$1" direct
}

stop()
{
	without_driver "$1"
	end "$1"
	# The driver has turned it off.
	enable_pci "$1"
	poke "$1"
}

# goes_on BDF COMMAND...: while this one copies, and some copies after it
goes_on()
{
	rm -f /tmp/enough
	: >/tmp/copies
	{
		until [ -e /tmp/enough ]; do
			copy "$1" direct
			echo "$copy_line" >>/tmp/copies
		done
	} &
	copies_pid=$!
	shift
	more_copies 1
	"$@"
	more_copies $(($(wc -l </tmp/copies) + 2))
	: >/tmp/enough
	wait $copies_pid || fail "a copy failed meanwhile"
}

private_ram || fail "this kernel does not keep its RAM private"
find_tsm
first=$(find_pci 1234:7d15 1)
second=$(find_pci 1234:7d15 2)
plain=$(find_pci 1234:7d15 3)
find_nvme
insmod /lab/tdi_dma.ko
for bdf in "$first" "$second" "$plain"; do
	without_driver "$bdf"
	enable_pci "$bdf"
done
views pages
page=${views% *}
ask none "$page"
ask all "${views#* }"
ordinary "before any lock"
start "$first"
ask first "$page"
poke "$second"
ordinary "beside one TDI"
goes_on "$first" start "$second"
ask both "$page"
ordinary "beside two TDIs"
disk "beside two TDIs" 0
goes_on "$second" stop "$first"
ask second "$page"
with_driver "$first"
copy "$first" bounced
without_driver "$first"
goes_on "$second" start "$first"
ask both "$page"
goes_on "$first" stop "$second"
ask first "$page"
ask all "${views#* }"
ordinary "beside the other TDI"
stop "$first"
ask none "$page"
views_end
say "two TDIs came and went beside each other and beside two ordinary devices"
