# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest's part of what the host does over QMP.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# take, leave: the stock driver has the disk and fills it; or nobody has it, and it
# is ready for a lock.
take()
{
	with_driver "$nvme"
	disk_test
}

leave()
{
	without_driver "$nvme"
	enable_pci "$nvme"
}

load_module
find_nvme
gpa=$(bar0 "$nvme")
disk_test
without_driver "$nvme"
ask begin
enable_pci "$nvme"

ask bind
request "$nvme" 6 "0 1 0 1 01"
convert_pages "$gpa" 2 16 0
request "$nvme" 5 "0 1 0 0"
ask run
take
leave
[ "$(mmio-peek "$nvme" 0 0)" != 0xffffffff ] || fail "no registers in RUN"

# The host ends it. What the guest writes now must not reach the device.
ask unbind
[ "$(mmio-peek "$nvme" 0 0)" = 0xffffffff ] ||
	fail "the registers are there after the host's unbind"
# To the guest that is ERROR: it can only be unbound.
request "$nvme" 6 "0 1 0 1 03"
request "$nvme" 7 "0 1 0 0"
take
leave
say "nvme: unbound by the host, out of reach until the guest unbinds it, too"

# Before the lock is done, the vCPU runs and talks to the host.
slow_round=0
answer=again
while [ "$answer" = again ]; do
	slow_round=$((slow_round + 1))
	[ $slow_round -lt 10 ] || fail "nothing is faster than a slow lock"
	ask slow
	query still
done
ask slow_end
take
leave

ask refused
take
leave
