# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# The main scenario: an NVMe disk and an edu device in a confidential guest, with
# no mapping of any BAR in the host's user space. The guest takes the disk private
# while it runs, and gives it back.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

# shut_out STATE: the TDI is in this state, and this host cannot read it.
shut_out()
{
	bound "$nvme" || fail "the disk is not bound as a TDI"
	tdi_is nvme-tdi "$1"
	tdi nvme-tdi mmio-rejected-t0
	out_before=$l0_answer
	out_value=$(devmem "$bar0" 32)
	[ "$out_value" = 0xFFFFFFFF ] || fail "the host reads $out_value in $1"
	tdi nvme-tdi mmio-rejected-t0
	[ "$l0_answer" -eq $((out_before + 1)) ] ||
		fail "the disk did not count the host's access"
	say "host reads the disk's BAR: $out_value; the disk counts a rejected access"
}

on_ask()
{
	case $1 in
	maps)
		main_maps=$(host_maps)
		[ -z "$main_maps" ] || fail "QEMU maps a device: $main_maps"
		say "QEMU runs both devices and has mapped no byte of them"
		;;
	run) shut_out RUN ;;
	unlocked) gone "$nvme" nvme-tdi ;;
	*) fail "L2 asks for '$1'" ;;
	esac
}

nvme=$(dev nvme-tdi)
edu=$(dev edu)
bar0=$(sed -n 1p "/sys/bus/pci/devices/$nvme/resource" | cut -d' ' -f1)
say "Linux $(uname -r) is up; this is the host"
connect_tsm "$nvme"
bind_vfio "$nvme"
bind_vfio "$edu"
say "NVMe disk $nvme and edu device $edu given to vfio-pci; the disk is connected to $connect_name"

sw_protected
say "starting L2: a software-protected VM with both devices, private=on"
# shellcheck disable=SC2086 # CGS and TDI_TRACE hold words
l2_run main $CGS $TDI_TRACE \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
gone "$nvme" nvme-tdi
say "L2 has powered off; QEMU left without a complaint"
check_disk "$nvme"

row "NVMe, stock driver   3 x ${l2_disk#* } MiB: bounced, private in RUN, bounced; sha256 the same in L2, L1 and L0"
row "another device       its write to private memory never arrives"
row "edu BAR conversions  $(value conversions) x 2   registers right in both views"
row "one conversion       $(value to_private_us) us to private, $(value to_shared_us) us back (1 MiB)"
row "late bind            lock $(value lock_ms) ms, accept $(value accept_ms) ms, unlock $(value unlock_ms) ms"
row "BAR bytes mapped by QEMU   0"
