# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Random TDCM requests while the host sends random QMP commands; then a proper lock
# must work as ever, and the disk too.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

load_module
take_nvme
ask fuzz
random_requests
ask fuzz_end
# The host's last request may still be under way, and the guest gets what is left
# of its own only by an unbind.
unbind_wait=0
until reply=$(tdcm "$nvme" 7) && [ "${reply#0 1 0 0}" != "$reply" ]; do
	unbind_wait=$((unbind_wait + 1))
	[ $unbind_wait -lt 100 ] || fail "the TDI cannot be unbound: $reply"
	sleep 0.1
done
request "$nvme" 6 "0 1 0 1 00"
request_run "$nvme"
request "$nvme" 7 "0 1 0 0"
with_driver "$nvme"
disk_test
