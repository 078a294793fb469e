# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One boot of some; the last one writes to the disk that it has come from.
. /lab/guest/lib.sh

[ -d /sys/firmware/efi ] || fail "no EFI started this kernel"
query boot
if [ "$answer" = reboot ]; then
	reboot -f
	sleep 1000
fi
disk_test
