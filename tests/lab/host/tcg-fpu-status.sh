# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What a CPU of L0 does to its FPU must not touch the flags of the boot CPU. These
# say as well whether that one is in a guest's memory, and a change that is lost
# while L2 leaves for L1 ends L2 with a triple fault.
. /lab/host/lib.sh

taskset 2 fpu-status &
fpu_status=$!
# shellcheck disable=SC2034 # l2_start uses it
L2_WRAP="taskset 1"
l2_run tcg-event-inj -device edu
quiet_qemu
kill -0 $fpu_status || fail "nobody loaded the FPU's status meanwhile"
