# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# A VMM that does not care skips each unmap and each detach in turn, and is killed in
# between: what a TDI reaches of private memory is what the kernel lets it reach.
# raw-vmm is that VMM; what it asks of L0 is asked here, and so is what it leaves.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# All memory of its VM
RANGE=0x40000000+0x10000

# answer WORDS: to raw-vmm
answer()
{
	case $1 in
	tables) tdi "$2" dma-map ;;
	word) l0 xp /1wx "$2" ;;
	*) fail "raw-vmm says '$*'" ;;
	esac
	echo "$l0_answer" >&8
}

# raw WHAT STATUS: one VM, to its end, which is this
raw()
{
	raw_log=/run/raw-$1.log
	{
		raw_exit=0
		raw-vmm tdi-dev "$tdi" tdi-large "$other" "$1" 3>&- 4>&- \
			</run/raw.in 2>"$raw_log" || raw_exit=$?
		echo "exit $raw_exit"
	} >/run/raw.out &
	while read -r raw_verb raw_text <&9; do
		[ "$raw_verb" != exit ] || break
		answer "$raw_verb" "$raw_text"
	done
	[ "$raw_text" = "$2" ] ||
		fail "$1: status $raw_text, not $2: $(tail -n 1 "$raw_log")"
	gone "$tdi" tdi-dev
	for raw_name in tdi-dev tdi-large; do
		tdi $raw_name dma-map
		[ "$l0_answer" = '""' ] ||
			fail "after $1 $raw_name still has $l0_answer"
	done
}

tdi=$(dev tdi-dev)
other=$(dev tdi-large)
connect_tsm "$tdi"
export LAB_TSM="$connect_name"
for name in tdi-dev tdi-large; do
	bdf=$(dev $name)
	if [ -n "${LAB_RAW:-}" ]; then
		bind_driver "$bdf" vfio-pci
	else
		bind_vfio "$bdf"
	fi
	tdi $name dma-map-range $RANGE
done
mkfifo /run/raw.in /run/raw.out
exec 8<>/run/raw.in 9<>/run/raw.out
count=0
# LAB_RAW: this way alone, of a TDI that shares its IOMMU group
if [ -n "${LAB_RAW:-}" ]; then
	group=$(ls "/sys/bus/pci/devices/$tdi/iommu_group/devices")
	[ "$(echo "$group" | wc -l)" -eq 2 ] || fail "$tdi is alone in its group"
fi
for what in ${LAB_RAW:-$(raw-vmm list | grep -v shares-its-group)}; do
	case $what in
	is-killed-converting) raw "$what" 142 ;;
	is-killed*) raw "$what" 137 ;;
	*) raw "$what" 0 ;;
	esac
	count=$((count + 1))
done
row "$count ways of a VMM to go wrong, and none of them leads to private memory"
