# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Modules of 128 MiB, a block of memory each, behind 256 MiB. The first one comes
# before the TDI is locked and serves the kernel, and so the driver; the second comes
# in RUN, serves programs only, and goes and comes again.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

mib=$((1 << 20))
module0=4096 # in MiB
module1=4224
blocks=/sys/devices/system/memory

# block MIB: this block of memory, when it is there
block()
{
	echo "$blocks/memory$(($1 / 128))"
}

# plug N MIB HOW: it comes, and is in use; then it is private.
plug()
{
	ask add "$1"
	plug_wait=0
	until [ -e "$(block "$2")/state" ]; do
		plug_wait=$((plug_wait + 1))
		[ $plug_wait -lt 300 ] || fail "module $1 does not come"
		sleep 0.1
	done
	echo "$3" >"$(block "$2")/state" || fail "module $1 does not go online"
}

# page_of MIB: an ordinary page of that module, in $page. There must be none with it
# that stays shared, and in use: the module is to go.
page_of()
{
	FROM_MIB=$1
	views page
	page=${views% *}
	[ $((page / mib / 128 * 128)) -eq "$1" ] ||
		fail "the page at $page is not of the module at $1 MiB"
}

# module_copy BDF: private DMA, of pages that come from the first module
module_copy()
{
	copy "$1" direct
	# shellcheck disable=SC2086 # words
	set -- $copy_line
	[ $(($5)) -ge $((module0 * mib)) ] ||
		fail "the driver's memory is at $5, not in a module"
}

# poke STATUS: the first device writes to the page, or the IOMMU records that it
# cannot.
poke()
{
	poke_line=$(tdi-dma "$first" poke "$page") || fail "poke failed"
	case $1:$poke_line in
	2:"2 0 "* | 3:"3 "[1-9]*" $page") ;;
	*) fail "DMA to $page gives '$poke_line', not $1" ;;
	esac
}

# written: the device writes to the page, and the guest sees it there.
written()
{
	poke 2
	ask filled "$page"
	: >/tmp/views-end
	! wait "$views_pid" || fail "nothing has been written to $page"
}

# start BDF: in RUN and with a driver
start()
{
	run "$1"
	with_driver "$1"
	module_copy "$1"
}

stop()
{
	without_driver "$1"
	end "$1"
}

private_ram || fail "this kernel does not keep its RAM private"
echo offline >$blocks/auto_online_blocks
find_tsm
first=$(find_pci 1234:7d15 1)
second=$(find_pci 1234:7d15 2)
insmod /lab/tdi_dma.ko
without_driver "$first"
without_driver "$second"

plug 0 $module0 online_kernel
page_of $module0
ask closed "$page"
start "$first"
ask first "$page"
views_end

plug 1 $module1 online_movable
page_of $module1
ask first "$page"
start "$second"
ask both "$page"
written
say "a module plugged before LOCK and one in RUN: both TDIs reach them"

timeout 60 sh -c "echo offline >$(block $module1)/state" || fail "module 1 does not go offline"
ask remove 1
[ ! -e "$(block $module1)" ] || fail "module 1 is still there"
ask closed "$page"
poke 3
page_of $module0
ask both "$page"
module_copy "$first"
module_copy "$second"
views_end
say "a module removed in RUN: nobody reaches it, the rest works"

plug 1 $module1 online_movable
page_of $module1
ask both "$page"
stop "$first"
ask second "$page"
views_end
module_copy "$second"
stop "$second"
ask closed "$page"
say "the module in its place again"
