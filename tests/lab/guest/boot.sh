# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh
say "is up with $(grep -c ^processor /proc/cpuinfo) processor"
