# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A TDI that comes and goes while the guest runs, and power-off in RUN.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

add()
{
	ask add
	take_nvme
	request_run "$nvme"
}

load_module
for round in 1 2; do
	add
	ask del
	until_nvme 0
	ask gone
	say "round $round: device_del of a running TDI"
done
add
say "powering off with a running TDI"
