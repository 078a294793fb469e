# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# What QEMU adds to a late bind. It traces when a request of the guest arrives, when
# each ioctl of the TSM begins and ends, and when the reply is there. From the guest's
# lock to RUN, all that is between is QEMU's own, waits of its threads for each other
# and the writing of the trace included. The ioctls are those of a VMM that does
# nothing else. Times are printed for a reader. The verdict: each round is there in
# full.
. /lab/host/lib.sh
. /lab/host/tdi-lib.sh

LOG=/run/bind.log

nvme=$(dev nvme-tdi)
connect_tsm "$nvme"
bind_vfio "$nvme"
sw_protected
L2_APPEND="lab.rounds=$LAB_ROUNDS"
# shellcheck disable=SC2086 # CGS holds words
l2_run bind $CGS -msg timestamp=on -trace vfio_private_request_begin \
	-trace vfio_private_request -trace 'tsm_iommufd_*' -D $LOG \
	-device vfio-pci,id=d0,host="$nvme",iommufd=i0,private=on
quiet_qemu
gone "$nvme" nvme-tdi

# The first round finds nothing in any cache, and does not count.
awk '
	{ split($1, at, /[T:Z]/); now = at[2] * 3600 + at[3] * 60 + at[4] }
	$2 == "vfio_private_request_begin" {
		began = now; io = nr = 0
		wanted = $6 !~ /^(unbind|enable-dma|disable-dma)/
		binds += $6 == "bind"
	}
	$2 == "tsm_iommufd_begin" { call = now }
	$2 == "tsm_iommufd_op" || $2 == "tsm_iommufd_req" {
		io += now - call; nr++
	}
	$2 == "vfio_private_request" && wanted && binds > 1 {
		all += now - began; ioctls += io; calls += nr
		starts += $6 == "start"
	}
	END {
		rounds = binds - 1
		if (!rounds || starts != rounds)
			exit 1
		printf "rounds %d\n", rounds
		printf "requests %.3f\n", all * 1000 / rounds
		printf "ioctls %.3f %.1f\n", ioctls * 1000 / rounds, calls / rounds
		printf "own %.3f %.1f\n", (all - ioctls) * 1000 / rounds,
			(all - ioctls) * 100 / ioctls
	}' $LOG >/run/bind.txt || fail "not all rounds are in the trace"
cp /run/bind.txt /out/
# figure NAME FIELD
figure()
{
	awk -v name="$1" -v field="$2" '$1 == name { print $field }' /run/bind.txt | grep .
}

[ "$(figure rounds 2)" -eq $((LAB_ROUNDS - 1)) ] ||
	fail "$(figure rounds 2) rounds are in the trace, not $((LAB_ROUNDS - 1))"
row "lock to RUN, mean of $(figure rounds 2): the guest's own time $(value run) ms"
row "  requests in QEMU     $(figure requests 2) ms"
row "  $(figure ioctls 3) ioctls of the TSM $(figure ioctls 2) ms"
row "  QEMU's own           $(figure own 2) ms, $(figure own 3) % over the ioctls"
