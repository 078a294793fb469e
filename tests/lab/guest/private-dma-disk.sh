# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The disk under its stock driver, with private RAM: through bounce buffers before
# accept and after unlock, and in RUN without.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

private_ram || fail "this kernel does not keep its RAM private"
find_nvme
find_tsm
disk unlocked 0
without_driver "$nvme"
lock "$nvme" || fail "lock failed"
ask bound
accept "$nvme" || fail "accept failed"
bounce_slots
with_driver "$nvme"
disk "in RUN" 1 256
tdi_is "$nvme" run
without_driver "$nvme"
end "$nvme"
ask unbound
with_driver "$nvme"
disk "after unlock" 0
