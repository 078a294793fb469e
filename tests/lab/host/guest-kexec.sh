# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest with private RAM starts another kernel, twice: as much is private as before,
# and a device that ran has been stopped on the way, and runs again.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh
. /lab/host/qmp-lib.sh

KERNELS=3

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	booted)
		booted=$((booted + 1))
		[ "$2" = $booted ] || fail "kernel $2 boots, not $booted"
		gone "$tdi" tdi-dev
		;;
	closed) reaches_not tdi-dev "$2" ;;
	open)
		tdi_is tdi-dev RUN
		reaches tdi-dev "$2"
		holds "$frame"
		;;
	# What the kernel had when it started, and freed since, is private by now.
	full)
		private_bytes
		kib=$((private_bytes / 1024))
		say "kernel $booted: $kib KiB are private"
		[ $booted -gt 1 ] || first_kib=$kib
		[ $kib -ge $((first_kib - 4096)) ] ||
			fail "$kib KiB are private, with the first kernel it was $first_kib"
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

# The same kernel and initramfs as the first, in an archive that follows that one
mkdir -p /run/next/lab/kexec
cp /lab/bzImage-guest /run/next/lab/kexec/kernel
cp /lab/l2.cpio /run/next/lab/kexec/initrd
(cd /run/next && find . | cpio -o -H newc) >/run/next.cpio 2>/dev/null
L2_INITRD=/run/l2-next.cpio
cat /lab/l2.cpio /run/next.cpio >$L2_INITRD

tdi=$(dev tdi-dev)
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
L2_MEM=384
L2_APPEND=lab.boot=1
booted=0
# shellcheck disable=SC2086 # QMP_ARGS and TDI_TRACE hold words
l2_start guest-kexec -object sw-protected-vm,id=cgs0,private-memory=on \
	-object iommufd,id=i0 $QMP_ARGS $TDI_TRACE \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
qmp_open
l2_wait
l2_good
quiet_qemu
[ $booted = $KERNELS ] || fail "$booted kernels have booted, not $KERNELS"
gone "$tdi" tdi-dev
