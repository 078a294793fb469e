# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One boot of several; the host says what this one ends with. Each boot must
# find both devices shared and in order.
. /lab/guest/lib.sh

edu=$(find_pci 1234:11e8)
[ "$(pci-config "$edu" 4 2)" != 0xffff ] || fail "edu does not answer"
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
query boot
case $answer in
*-private)
	load_module
	convert bar "$edu" 0 private || fail "conversion failed"
	[ "$(mmio-peek "$edu" 0 0)" = 0x010000ed ] ||
		fail "edu does not answer in the private view"
	;;
esac
case $answer in
reboot*)
	reboot -f
	sleep 1000
	;;
reset*)
	report ask reset
	sleep 1000
	;;
esac
disk_test
say "after four resets both devices work"
