#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# qemu-system-x86_64 in L1, for a reader of the documentation: the QEMU under test
# with the arguments given, and with what the lab has instead of a disk that boots
# and of a window: its kernel, L2's console on ttyS2, QMP on ttyS3. It runs in the
# background, and ends the one before.
. /lab/host/lib.sh

while vmm_old=$(pidof qemu); do
	# It may go by itself meanwhile, and what the shell says of that is no answer.
	# shellcheck disable=SC2086 # one number or more
	kill $vmm_old 2>/dev/null
	sleep 0.3
done
[ -e guest.img ] || truncate -s 1M guest.img
$QEMU -L /lab/firmware -nodefaults -display none -no-reboot -machine i8042=off \
	-kernel /lab/bzImage-guest -initrd /lab/l2.cpio \
	-append "$L2_KERNEL_ARGS lab.run=shell" \
	-chardev file,id=con,path=/dev/ttyS2,input-path=/dev/ttyS2 \
	-serial chardev:con -serial null \
	-chardev serial,id=watch,path=/dev/ttyS3 -mon chardev=watch,mode=control \
	"$@" >/run/qemu-l2.log 2>&1 &

# What ends at once says why.
vmm_wait=0
while [ $vmm_wait -lt 20 ] && kill -0 $! 2>/dev/null; do
	vmm_wait=$((vmm_wait + 1))
	sleep 0.1
done
cat /run/qemu-l2.log
kill -0 $! 2>/dev/null
