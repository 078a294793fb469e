# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The kernel has run its KUnit tests before it started init; debugfs keeps what
# each suite printed. A suite that is missing or skips a test has not run.
. /lab/host/lib.sh

results=/sys/kernel/debug/kunit
for suite in pci_tsm soft_tsm_tdisp soft_devsec_dma soft_devsec_mmio soft_devsec_tdi \
	kvm_tdx_mmio kvm_tdx_sept; do
	[ -e "$results/$suite/results" ] || fail "suite $suite has not run"
done
for suite in "$results"/*/results; do
	name=$(basename "${suite%/results}")
	cp "$suite" "/out/kunit-$name.txt"
	passed=$(grep -c '^    ok ' "$suite" || true)
	if grep -q -E '^ *not ok|# SKIP' "$suite"; then
		fail "$name: $(grep -m 1 -E '^ *not ok|# SKIP' "$suite")"
	fi
	grep -q '^ok ' "$suite" || fail "$name did not end"
	[ "$passed" -gt 0 ] || fail "$name has no test"
	row "$name: $passed tests passed"
done
