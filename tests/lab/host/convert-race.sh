# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One vCPU converts a BAR while the other reads it. A read that KVM had begun
# under the old attribute exits with a memory fault; taken for a request, it
# would undo the conversion. QEMU's trace counts the conversions that were made.
. /lab/host/lib.sh

ROUNDS=300    # as in guest/convert-race.sh

edu=$(dev edu)
bind_vfio "$edu"
sw_protected
# shellcheck disable=SC2086 # CGS holds words
l2_run convert-race $CGS -smp 2 \
	-trace kvm_private_mmio_convert -trace kvm_memory_fault -D /run/trace.log \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
made=$(grep -c kvm_private_mmio_convert /run/trace.log)
faults=$(grep -c kvm_memory_fault /run/trace.log)
row "conversions asked for $((ROUNDS * 2)), made $made; faults that raced with one: $faults"
[ "$made" = $((ROUNDS * 2)) ] ||
	fail "the guest converted $((ROUNDS * 2)) times, QEMU $made times"
