# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# libvirt of this machine's own Debian release, for the lab's host that runs it:
# build/libvirt/ has the files of its packages and of those libraries that this
# machine lacks. Nothing is installed, so no daemon starts here. Without it, be it
# for want of Debian or of a network, there is one case of the lab less.

LIBVIRT=$BUILD/libvirt
LIBVIRT_PACKAGES=(libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients)
LIBVIRT_PROGRAMS=(usr/sbin/libvirtd usr/sbin/virtlogd usr/bin/virsh)

# What apt would install here for those packages.
libvirt_missing() {
    apt-get "${APT_ARGS[@]}" -s --no-install-recommends install "${LIBVIRT_PACKAGES[@]}" |
        sed -n 's/^Inst \([^ ]*\).*/\1/p'
}

# Leaves the packages in the cache, in the folder LIBVIRT_DEBS.
fetch_libvirt() {
    local release
    local -a names
    release=$(codename)
    LIBVIRT_DEBS=$CACHE/libvirt/$release
    [ ! -d "$LIBVIRT_DEBS" ] || return 0
    [ "$OFFLINE" != yes ] || { echo 'not in the cache, and no network is to be used'; return 1; }
    apt_private distro deb "$release" || { echo "$APT_WHY"; return 1; }
    apt_update
    mapfile -t names < <(libvirt_missing)
    rm -rf "$LIBVIRT_DEBS.new"
    mkdir -p "$LIBVIRT_DEBS.new"
    if [ ${#names[@]} -gt 0 ]; then
        (cd "$LIBVIRT_DEBS.new" && apt-get "${APT_ARGS[@]}" -q download "${names[@]}")
    fi
    mv "$LIBVIRT_DEBS.new" "$LIBVIRT_DEBS"
}

# Whether all libraries are there: the cache may come from a machine that has more.
libvirt_whole() {
    local tree=$1 program lost
    for program in "${LIBVIRT_PROGRAMS[@]}"; do
        if [ -e "$tree/$program" ]; then program=$tree/$program; else program=/$program; fi
        [ -e "$program" ] || { echo "$program is missing"; return 1; }
        lost=$(LD_LIBRARY_PATH=$tree/usr/lib/x86_64-linux-gnu:$tree/lib/x86_64-linux-gnu \
            ldd "$program" | sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p' | head -n 1)
        [ -z "$lost" ] || { echo "${program##*/} needs $lost, which is not in $LIBVIRT_DEBS"; return 1; }
    done
}

get_libvirt() {
    local package
    fetch_libvirt
    rm -rf "$LIBVIRT.new" "$LIBVIRT"
    mkdir -p "$LIBVIRT.new"
    for package in "$LIBVIRT_DEBS"/*.deb; do
        [ ! -e "$package" ] || dpkg-deb -x "$package" "$LIBVIRT.new"
    done
    libvirt_whole "$LIBVIRT.new"
    mv "$LIBVIRT.new" "$LIBVIRT"
}

prepare_libvirt() {
    if [ -d "$LIBVIRT" ] || ! is_debian; then return 0; fi
    optional_step libvirt libvirt 'getting libvirt for the lab, which is not installed here (usually 10 s)' get_libvirt
}
