# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The guest's part of what may happen in each state: the host says step by step what
# the guest has to do.
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

load_module
take_nvme
while query next; do
	case $answer in
	config-unlocked | config-unlocked-still)
		request "$nvme" 6 "0 1 0 1 00" ;;
	config-locked)
		request "$nvme" 2 "0 1 0 0"
		request "$nvme" 6 "0 1 0 1 01" ;;
	run)
		request_run "$nvme" ;;
	error)
		request_run "$nvme"
		ask fault
		request "$nvme" 6 "0 1 0 1 03" ;;
	config-locked-still)
		request "$nvme" 6 "0 1 0 1 01" ;;
	run-still)
		request "$nvme" 6 "0 1 0 1 02"
		[ "$(mmio-peek "$nvme" 0 8)" = 0x00010400 ] ||
			fail "no registers after a pause in RUN" ;;
	error-still)
		request "$nvme" 6 "0 1 0 1 03" ;;
	gone)
		until_nvme 0 ;;
	there)
		take_nvme ;;
	disk)
		with_driver "$nvme"
		disk_test ;;
	*) fail "the host says '$answer'" ;;
	esac
done
