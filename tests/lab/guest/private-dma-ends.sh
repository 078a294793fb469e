# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI reaches private memory while it runs with a driver, and no longer than that.
# The host looks at the IOMMU's tables for a page that stays private all the time.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

private_ram || fail "this kernel does not keep its RAM private"
find_tsm
tdi=$(find_pci 1234:7d15)
insmod /lab/tdi_dma.ko
views pages
page=${views% *}
ask "closed $page"
without_driver "$tdi"
for how in monitor disconnect reset fault; do
	run "$tdi"
	ask "closed $page"
	with_driver "$tdi"
	ask "open $page"
	tdi-dma "$tdi" copy $((1 << 20)) >/dev/null || fail "copy failed"
	# The driver goes and comes: that is enough.
	without_driver "$tdi"
	ask "closed $page"
	with_driver "$tdi"
	ask "open $page"
	ask "end $how $page"
	without_driver "$tdi"
	end "$tdi"
	[ "$how" != disconnect ] || ask connect
done
# The other one has its own tables, and comes to them the same way.
find_nvme
disk_test
views_end
