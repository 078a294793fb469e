# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Random TDCM requests; then a proper one must work as ever, and the disk too.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

load_module
take_nvme
random_requests
[ "$taken" -gt $((requests / 10)) ] || fail "only $taken of $requests were taken"
request "$nvme" 7 "0 1 0 0"
request "$nvme" 6 "0 1 0 1 00"
request_run "$nvme"
request "$nvme" 7 "0 1 0 0"
with_driver "$nvme"
disk_test
