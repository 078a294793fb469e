# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh

say "restarts with a triple fault"
reboot -f
fail "it has not restarted"
