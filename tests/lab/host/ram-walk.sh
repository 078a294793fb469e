# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A guest converts RAM at random, on each backing that a user may give it, and what
# a device reaches is what is shared. LAB_STEPS steps and LAB_CUTS conversions
# beside DMA that goes on, for each backing.
. /lab/host/lib.sh

on_ask()
{
	fail "L2 asks for '$1'"
}

# walk NAME [ARGUMENT...]: one guest
walk()
{
	name=$1
	shift
	# shellcheck disable=SC2086 # CGS holds words
	l2_run ram-walk $CGS -device "vfio-pci,host=$device,iommufd=i0,private=on" "$@"
	# A warning of QEMU's about huge pages is not about this.
	quiet_qemu
	say "$name: ${LAB_STEPS:-150} steps, ${LAB_CUTS:-300} cuts"
}

seed=${LAB_SEED:-$(awk 'BEGIN { srand(); print int(rand() * 1000000) }')}
row "seed $seed (LAB_SEED repeats it)"
device=$(dev tdi-dev)
bind_vfio "$device"
sw_protected
L2_MEM=192
# The border between two nodes is in the middle of it.
words="memmap=16M\$88M lab.gpa=0x5800000 lab.mib=16 lab.seed=$seed"
words="$words lab.steps=${LAB_STEPS:-150} lab.cuts=${LAB_CUTS:-300}"
L2_APPEND=$words

walk "anonymous memory"
walk "a shared file" -machine memory-backend=m0 \
	-object "memory-backend-file,id=m0,size=192M,mem-path=/tmp,share=on"
walk "two nodes, one of them preallocated" \
	-object memory-backend-ram,id=m0,size=96M \
	-object memory-backend-memfd,id=m1,size=96M,prealloc=on \
	-numa node,memdev=m0 -numa node,memdev=m1
walk "locked memory" -overcommit mem-lock=on
echo 96 >/proc/sys/vm/nr_hugepages
L2_APPEND="$words lab.keeps=1"
walk "huge pages" -machine memory-backend=m0 \
	-object memory-backend-memfd,id=m0,size=192M,hugetlb=on,hugetlbsize=2M
