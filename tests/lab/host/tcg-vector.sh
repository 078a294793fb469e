# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# L0's virtual SVM must forget an injected interrupt once it has delivered it. A
# virtual CPU that is kicked while it still remembers the vector raises it again,
# whatever the interrupt flag says, and L2 deadlocks on a lock of its timer code.
. /lab/host/lib.sh

kick-cpus 200 &
l2_start tcg-vector
l2_wait
[ "$l2_verdict" = 0 ] || fail "${l2_why:-L2 was $l2_verdict, QEMU left with $l2_exit}"
quiet_qemu
