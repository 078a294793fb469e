# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

load_module
cr8-irq 1000 || fail "cr8-irq failed"
say "1000 times two interrupts that waited for CR8"
