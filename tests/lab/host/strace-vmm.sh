# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What system calls say about who touches BARs. The same check must find the
# mappings of plain assignment, else it proves nothing.
. /lab/host/lib.sh

CALLS=mmap,read,write,pread64,pwrite64,readv,writev,preadv,pwritev,preadv2,pwritev2,sendfile,splice,copy_file_range,process_vm_readv,process_vm_writev

# traced_run NAME QEMU-ARGUMENT...: one L2 under strace; what the check finds is
# left in /out/NAME.found.
traced_run()
{
	trace_name=$1
	shift
	L2_WRAP="strace -f -y --seccomp-bpf -e trace=$CALLS -o /run/$trace_name.strace"
	l2_run assign "$@"
	grep -c -E '/dev/vfio/devices/' "/run/$trace_name.strace" >/dev/null ||
		fail "strace saw no call on a vfio device: the check is blind"
	awk -f /lab/host/strace-check.awk "/run/$trace_name.strace" \
		>"/out/$trace_name.found"
}

nvme=$(dev nvme)
edu=$(dev edu)
bind_vfio "$nvme"
bind_vfio "$edu"

traced_run plain -object iommufd,id=i0 \
	-device vfio-pci,host="$nvme",iommufd=i0 \
	-device vfio-pci,host="$edu",iommufd=i0
grep -q '^mmap of a BAR' /out/plain.found ||
	fail "the check does not see the mappings of private=off"
say "private=off: $(grep -c . /out/plain.found) calls touch a BAR"

sw_protected
# shellcheck disable=SC2086 # CGS holds words
traced_run private $CGS \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
[ ! -s /out/private.found ] ||
	fail "private=on: $(sed -n 1p /out/private.found)"
say "private=on: no call touches a BAR or maps a dma-buf"
check_disk "$nvme"
