# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Shared pages from a pool of huge ones, and eight virtual CPUs that convert pages
# of the same huge page at once.
. /lab/host/lib.sh

huge_pages=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
[ "$(cat $huge_pages)" -ge 128 ] || fail "L1 has $(cat $huge_pages) huge pages"
edu=$(dev edu)
bind_vfio "$edu"
sw_protected
L2_MACHINE=$L2_MACHINE,memory-backend=m0
L2_MEM=256
L2_CPUS=8
L2_APPEND="memmap=2M\$0x8000000"
# shellcheck disable=SC2086 # CGS holds words
l2_run ram-hugetlb $CGS \
	-object memory-backend-memfd,id=m0,size=256M,hugetlb=on,share=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
# KVM recommends as many as L1 has.
sed -i "/exceeds the recommended cpus/d" /run/qemu-l2.log
quiet_qemu
