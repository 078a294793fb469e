# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest works with its running TDI while the host tries to get at it.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

find_tsm
tdi=$(find_pci 1234:7d15)
use "$tdi" || fail "the device does not work"
ask shared
run "$tdi"
tdi-check "$tdi" loop /tmp/stop >/tmp/count &
until [ "$(tdi-check "$tdi" state)" = 2 ]; do
	sleep 0.1
done
ask running
touch /tmp/stop
wait $! || fail "the device does not work while the host looks at it"
count=$(cat /tmp/count)
[ "$count" -gt 5 ] || fail "only $count rounds of work meanwhile"
say "$count rounds of registers, memory and DMA meanwhile, all right"
end "$tdi"
use "$tdi" || fail "the device does not work any more"
