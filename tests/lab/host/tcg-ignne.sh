# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A port write of one CPU must not touch the flags of the boot CPU, which say as
# well whether that one is in a guest. See tcg-fpu-status.
. /lab/host/lib.sh

taskset 2 ignne &
ignne=$!
# shellcheck disable=SC2034 # l2_start uses it
L2_WRAP="taskset 1"
l2_run tcg-ignne -device edu
quiet_qemu
kill -0 $ignne || fail "nobody wrote to the port meanwhile"
