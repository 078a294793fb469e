# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
. /lab/guest/lib.sh
. /lab/guest/tdi-lib.sh

# As much as make run takes a moment for; private-dma-disk moves 256.
MIB=4

# timed NAME COMMAND...: the host gets the milliseconds that it took.
timed()
{
	timed_name=$1
	shift
	timed_start=$(cut -d' ' -f1 /proc/uptime | tr -d .)
	"$@" || fail "$* failed"
	value "$timed_name" $((($(cut -d' ' -f1 /proc/uptime | tr -d .) - timed_start) * 10))
}

# report_text: what the interface report in /tmp/report says of MMIO
report_text()
{
	text_ranges=$(od -An -tu4 -j12 -N4 /tmp/report)
	text_tee=0
	text_open=0
	while [ "$text_ranges" -gt 0 ]; do
		text_ranges=$((text_ranges - 1))
		text_at=$((16 + 16 * text_ranges))
		text_pages=$(od -An -tu4 -j$((text_at + 8)) -N4 /tmp/report)
		# Attributes: MSI-X table, MSI-X PBA, memory that is not TEE
		if [ $(($(od -An -tu2 -j$((text_at + 12)) -N2 /tmp/report) & 7)) -eq 0 ]; then
			text_tee=$((text_tee + text_pages))
		else
			text_open=$((text_open + text_pages))
		fi
	done
	echo "$text_tee pages of registers for the guest alone, $text_open stay shared"
}

# stranger: another device writes where private memory is, and does not get there
stranger()
{
	views pages
	edu-check "$edu" stranger "${views% *}" || fail "edu does no DMA"
	views_end
	say "edu, told to write to a private page at ${views% *}: the page is as it was"
}

private_ram || fail "this kernel does not keep its RAM private"
say "Linux is up in the guest, in private memory; its devices are shared, as at any boot"
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
say "edu: registers and a DMA round trip are right"
find_nvme
disk shared 0 $MIB
stranger
ask maps
load_module
times=$(convert edu "$edu" 100) || fail "edu conversion failed"
value conversions 100
value to_private_us "${times% *}"
value to_shared_us "${times#* }"
say "edu: BAR private and shared again 100 times, registers right each time"
edu-check "$edu" || fail "edu-check after the conversions failed"

find_tsm
without_driver "$nvme"
timed lock_ms lock "$nvme"
tdi_is "$nvme" locked
cat "/sys/bus/pci/devices/$nvme/tsm/report" >/tmp/report
say "nvme: locked by $tsm; report of $(wc -c </tmp/report) bytes: $(report_text)"
timed accept_ms accept "$nvme"
tdi_is "$nvme" run
ask run
with_driver "$nvme"
disk "in RUN" 1 $MIB
stranger
tdi_is "$nvme" run
without_driver "$nvme"
timed unlock_ms unlock "$nvme"
ask unlocked
with_driver "$nvme"
disk "unlocked and shared again" 0 $MIB
say "powering off"
