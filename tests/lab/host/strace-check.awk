# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reads `strace -f -y -o FILE` and prints a line for each call that maps, reads
# or writes a memory BAR of a vfio device, or maps a dma-buf.
#
# A vfio device file holds region N at offset N << 40; BARs are regions 0 to 5,
# and none of the devices of the case has an I/O BAR. A call that another thread
# interrupted comes in two parts, joined here by thread.

function last_argument(call,    words, n)
{
	sub(/\) *=.*$/, "", call)
	n = split(call, words, ", ")
	return words[n]
}

# Decimal or hex text as a number; busybox awk has no strtonum().
function to_number(text,    i, value, digit)
{
	if (text !~ /^0x/)
		return text + 0
	value = 0
	for (i = 3; i <= length(text); i++) {
		digit = index("0123456789abcdef", substr(text, i, 1)) - 1
		value = value * 16 + digit
	}
	return value
}

function judge(call,    offset)
{
	if (call ~ /^mmap\(/ && call ~ /<[^>]*dmabuf[^>]*>/)
		print "mmap of a dma-buf: " call
	if (call !~ /^[a-z0-9_]+\([^"]*<\/dev\/vfio\/devices\//)
		return
	if (call !~ /^(mmap|p(read|write)(64|v|v2))\(/) {
		print "access without an offset: " call
		return
	}
	# preadv2 ends in flags; the offset stands before them.
	if (call ~ /^p(read|write)v2/)
		sub(/, [^,]*\) *=/, ") =", call)
	offset = to_number(last_argument(call))
	if (offset < 6 * 1099511627776)
		print (call ~ /^mmap/ ? "mmap" : "access") " of a BAR: " call
}

{
	thread = $1
	sub(/^[0-9]+ +/, "")
	if (/<unfinished \.\.\.>$/) {
		sub(/ *<unfinished \.\.\.>$/, "")
		half[thread] = $0
		next
	}
	if (/^<\.\.\. [a-z0-9_]+ resumed>/) {
		sub(/^<\.\.\. [a-z0-9_]+ resumed>/, "")
		$0 = half[thread] $0
		delete half[thread]
	}
	judge($0)
}
