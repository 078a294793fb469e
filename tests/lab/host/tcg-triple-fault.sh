# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# To whoever started it, a guest that takes a triple fault has restarted: QEMU
# leaves with 0. The runner looks for what L0 says of it.
. /lab/host/lib.sh

# shellcheck disable=SC2034 # l2_start uses it
L2_APPEND=reboot=triple
l2_start tcg-triple-fault
l2_wait
[ "$l2_verdict" = killed ] || fail "L2 ended with $l2_verdict: ${l2_why:-alive}"
[ "$l2_exit" = 0 ] || fail "L2's QEMU ended with status $l2_exit"
quiet_qemu
