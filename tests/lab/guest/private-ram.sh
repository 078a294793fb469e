# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
# One boot of a guest that is to keep its RAM private, or not to: the host knows,
# and looks at the pages that this script tells it of.
. /lab/guest/lib.sh

# look WHAT GPA: the host looks at the page, and the first 8 bytes of it are in $answer.
look()
{
	query look "$@"
}

word=0x6c61622d72616d21

# A page of a program, and one that devices reach
check_views()
{
	views pages
	look shared "${views#* }"
	[ "$answer" = $word ] || fail "the host reads $answer in a shared page"
	look ordinary "${views% *}"
	if private_ram; then
		[ "$answer" != $word ] || fail "the host reads a page that should be private"
	else
		[ "$answer" = $word ] || fail "the host reads $answer where no page is private"
	fi
	views_end
	say "the host reads the page that devices reach; in the ordinary one: $answer"
}

# Bounce buffers: the disk's data went through them.
check_bounce()
{
	bounce=$(dmesg | sed -n 's/.*software IO TLB: mapped \[mem \(0x[0-9a-f]*\)-.*/\1/p' |
		head -n 1)
	[ -n "$bounce" ] || fail "there are no bounce buffers"
	look bounce "$bounce"
	[ "$answer" = used ] || fail "the host reads nothing in the bounce buffers"
	say "bounce buffers at $bounce are shared"
}

# Most of the free memory is in use at once.
check_contents()
{
	contents_mib=$(($(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) * 7 / 8 / 1024))
	views fill $contents_mib
	query full $contents_mib
	views_end
	say "$contents_mib MiB of memory written and read back"
}

query mode
if [ "$answer" = on ]; then
	private_ram || fail "this kernel does not keep its RAM private"
else
	! private_ram || fail "this kernel keeps its RAM private, and nobody has asked"
fi
edu=$(find_pci 1234:11e8)
enable_pci "$edu"
edu-check "$edu" || fail "edu-check failed"
disk_test
check_views
if private_ram; then
	check_bounce
	check_contents
fi
query end
if [ "$answer" = reboot ]; then
	reboot -f
	sleep 1000
fi
