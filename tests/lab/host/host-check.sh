# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0-or-later
# tdi-host-check tells what is missing, prints the commands that mend it, and is
# content once they have run. Where QEMU refuses a device, so does it.
. /lab/host/lib.sh

# check STATUS BDF [OPTION...]: leaves its JSON in /run/check.json.
check()
{
	check_want=$1
	check_bdf=$2
	shift 2
	check_status=0
	tdi-host-check --json "$@" "$check_bdf" >/run/check.json ||
		check_status=$?
	{ echo "## $check_bdf $*"; tdi-host-check "$check_bdf" || true
	  cat /run/check.json; } >>/out/host-check.txt
	[ $check_status -eq "$check_want" ] ||
		fail "$check_bdf: status $check_status, not $check_want:" \
			"$(tr -d '\n' </run/check.json | tr -s ' ' | head -c 2000)"
	grep -q "\"status\": $check_want," /run/check.json ||
		fail "the JSON does not give the status"
}

# member CHECK NAME: that member of the first result of this check.
member()
{
	awk -v check="\"$1\"" -v name="\"$2\":" '
		$1 == "\"check\":" { found = $2 == check "," }
		found && $1 == "}," { found = 0 }
		found && $1 == name {
			sub(/^[^:]*: "/, ""); sub(/",?$/, ""); print; exit }
		' /run/check.json
}

# finds CHECK RESULT [WORDS]: with these words in its text or remedy.
finds()
{
	[ "$(member "$1" result)" = "$2" ] ||
		fail "$check_bdf: $1 is '$(member "$1" result)', not $2:" \
			"$(member "$1" text)"
	case "$(member "$1" text) $(member "$1" remedy)" in
	*"${3:-}"*) ;;
	*) fail "$check_bdf: '$3' is not in: $(member "$1" text) $(member "$1" remedy)" ;;
	esac
}

driver_of()
{
	basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
}

prepare()
{
	prepare_driver=$(driver_of "$1")
	tdi-host-check --prepare "$1" >/run/prepare.sh ||
		fail "$1 cannot be prepared"
	cat /run/prepare.sh >>/out/host-check.txt
	[ "$(driver_of "$1")" = "$prepare_driver" ] ||
		fail "--prepare has changed the driver of $1"
	sh -e /run/prepare.sh
}

on_ask()
{
	check 0 "$edu"
	finds private-bind warn "in use"
	finds dma-buf warn "not checked"
}

nvme=$(dev nvme-tdi)
edu=$(dev edu)
ohci=$(dev ohci)

check 1 "$nvme"
for host_check in kvm private-memory kvm-dmabuf kvm-convert kvm-tdcm iommu \
	iommufd iommufd-tsm vfio-pci memlock; do
	finds $host_check pass
done
finds vm-types warn "no confidentiality"
finds tsm warn "kind software: it protects nothing"
finds driver fail "nvme uses the device"
finds driver fail "tdi-host-check --prepare $nvme"
finds private-bind warn "not checked"
finds iommu-group pass
finds tee-io pass
finds doe pass
finds tsm-connect fail "echo tsm"
finds bar pass "0x2000-0x3fff is emulated for MSI-X"
check 1 "$edu"
finds driver fail "no driver is bound"
finds bar pass "one slice"
finds tee-io warn "cannot lock"
check 1 "$ohci"
finds bar fail "it is smaller than a page"
check 1 0000:7f:00.0
finds device fail "no such device"
say "unprepared: no device has its driver, the BARs of ohci are too small"

tdi-host-check nvme0 2>/run/usage.txt && fail "nvme0 passes for an address"
[ $? -eq 2 ] || fail "wrong usage does not end with status 2"
grep -q "'nvme0' is no PCI address" /run/usage.txt || fail "no message"
tdi-host-check --prepare 0000:7f:00.0 2>/run/usage.txt &&
	fail "a device that is not there is prepared"
grep -q "there is no device 0000:7f:00.0" /run/usage.txt || fail "no message"

for bdf in $nvme $edu $ohci; do
	prepare "$bdf"
	[ "$(driver_of "$bdf")" = vfio-pci ] || fail "$bdf is not prepared"
	tdi-host-check --prepare "$bdf" | grep -v '^#' &&
		fail "$bdf is prepared, and there are commands left"
done
for bdf in $nvme $edu; do
	check 0 "$bdf"
	for device_check in device iommu-group driver vfio-cdev private-bind \
		dma-buf dma bar; do
		finds $device_check pass
	done
	check 3 "$bdf" --strict
done
check 1 "$ohci"
finds private-bind pass
finds bar fail "it is smaller than a page"
check 0 "$nvme"
finds tsm-connect pass "connected to tsm"
say "prepared by the printed commands: all but ohci are ready, one is connected"

sw_protected
L2_APPEND=lab.ask=maps
# shellcheck disable=SC2086 # CGS holds words
l2_run assign $CGS \
	-device vfio-pci,host="$nvme",iommufd=i0,private=on \
	-device vfio-pci,host="$edu",iommufd=i0,private=on
quiet_qemu
check 0 "$edu"
check_disk "$nvme"
say "QEMU takes the devices; while it has them, the check says so"
