# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# Config writes that break TDISP, by the guest and by this host's administrator.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

REGISTERS="0x10 0x14 0x18 0x1c 0x64 0x88 0x04"

# save, restore: what a reset, or the writes below, take from the device
save()
{
	for register in $REGISTERS; do
		echo "$register $(pci-config "$tdi" "$register" 2) $(pci-config "$tdi" $((register + 2)) 2)"
	done >/run/config
}

restore()
{
	while read -r register low high; do
		pci-config "$tdi" $((register + 2)) 2 "$high"
		pci-config "$tdi" "$register" 2 "$low"
	done </run/config
}

# change REGISTER MASK BITS: of 16 bits, those of the mask
change()
{
	word=$(pci-config "$tdi" "$1" 2)
	pci-config "$tdi" "$1" 2 $(((word & ~$2) | $3))
}

# break_it WHAT: sets leaves and reason to the state that the device must be in
# then, and to what it must say about it. A reset other than FLR scrubs it, but the
# kernel unbinds it before its own ones: then held is no.
break_it()
{
	leaves=ERROR
	held=yes
	case $1 in
	mse) change 4 2 0; reason="MSE cleared" ;;
	bme) change 4 4 0; reason="BME cleared" ;;
	bar) pci-config "$tdi" 0x10 4 0xfe000000; reason="BAR written" ;;
	rom)
		# To read it, Linux has to turn it on.
		echo 1 >"/sys/bus/pci/devices/$tdi/rom"
		cat "/sys/bus/pci/devices/$tdi/rom" >/dev/null
		reason="ROM BAR written" ;;
	flr) change 0x88 0x8000 0x8000; reason=FLR; sleep 0.2 ;;
	d3) change 0x64 3 3; reason="power state changed" ;;
	tags)
		word=$(pci-config "$tdi" 0x88 2)
		change 0x88 0x100 $((~word & 0x100))
		reason="Device Control changed" ;;
	bus-reset)
		pci-config "$port" 0x3e 2 0x40
		pci-config "$port" 0x3e 2 0
		sleep 0.2
		leaves=CONFIG_UNLOCKED
		reason=reset ;;
	sysfs-reset)
		echo 1 >"/sys/bus/pci/devices/$tdi/reset"
		leaves=CONFIG_UNLOCKED
		held=no ;;
	esac
}

on_ask()
{
	# shellcheck disable=SC2086 # words
	set -- $1
	case $1 in
	write)
		save
		break_it "$2"
		tdi_is tdi-dev $leaves
		if [ $held = no ]; then
			! bound "$tdi" || fail "$2 has not unbound it"
			return
		fi
		tdi tdi-dev reason
		[ "$l0_answer" = "\"$reason\"" ] || fail "$2 counts as $l0_answer"
		bound "$tdi" || fail "$2 has unbound it"
		;;
	restore)
		gone "$tdi" tdi-dev
		restore
		;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

tdi=$(dev tdi-dev)
port=$(basename "$(dirname "$(readlink -f "/sys/bus/pci/devices/$tdi")")")
connect_tsm "$tdi"
bind_vfio "$tdi"
sw_protected
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run tdi-config $CGS $TDI_TRACE -d guest_errors \
	-device vfio-pci,host="$tdi",iommufd=i0,private=on
quiet_qemu
gone "$tdi" tdi-dev
logged=$(grep -c "the device is bound as a TDI" /out/trace-l2.log || true)
[ "$logged" -eq "$(value writes)" ] ||
	fail "$(value writes) writes, but $logged lines in QEMU's log"
