# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The kernel of this machine's own Debian release, for the lab's guest that boots
# it: build/distro/ has vmlinuz, and modules/ with the NVMe driver and what that
# needs, in the order of `order`. The package is not installed. Without it, be it
# for want of Debian or of a network, there is one case of the lab less.

DISTRO=$BUILD/distro

# The package that has the kernel: the one that linux-image-amd64 depends on.
distro_package() {
    apt-cache "${APT_ARGS[@]}" depends linux-image-amd64 |
        sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# Leaves the package in the cache, and its path in DISTRO_DEB.
fetch_distro() {
    local dir release name
    release=$(codename)
    dir=$CACHE/distro/$release
    mkdir -p "$dir/partial"
    DISTRO_DEB=$(find "$dir" -maxdepth 1 -name 'linux-image-*.deb' | head -n 1)
    [ -z "$DISTRO_DEB" ] || return 0
    [ "$OFFLINE" != yes ] || { echo 'not in the cache, and no network is to be used'; return 1; }
    apt_private distro deb "$release" || { echo "$APT_WHY"; return 1; }
    apt_update
    name=$(distro_package)
    [ -n "$name" ] || { echo 'linux-image-amd64 depends on no linux-image'; return 1; }
    (cd "$dir/partial" && apt-get "${APT_ARGS[@]}" -q download "$name")
    mv "$dir"/partial/*.deb "$dir/"
    DISTRO_DEB=$(find "$dir" -maxdepth 1 -name 'linux-image-*.deb' | head -n 1)
}

# Of a modules folder, the driver and what it depends on, each after its own.
distro_modules() {
    local version=$1 tree=$2 path number=0
    depmod -b "$tree" "$version" 2>/dev/null
    mkdir -p "$DISTRO.new/modules"
    # "driver: its dependencies", each of which stands before what needs it.
    sed -n 's,^\(.*/nvme\.ko[^:]*\): *\(.*\),\1 \2,p' "$tree/lib/modules/$version/modules.dep" |
        tr ' ' '\n' | grep . | tac | while read -r path; do
        number=$((number + 1))
        cp "$tree/lib/modules/$version/$path" "$DISTRO.new/modules/"
        path=${path##*/}
        case $path in
        *.xz) xz -d "$DISTRO.new/modules/$path" ;;
        *.zst) zstd -q -d --rm "$DISTRO.new/modules/$path" ;;
        esac
        echo "${path%.[xz]*[zt]}" >>"$DISTRO.new/modules/order"
    done
    [ -s "$DISTRO.new/modules/order" ]
}

unpack_distro() {
    local tree=$DISTRO.new/tree version
    rm -rf "$DISTRO.new"
    mkdir -p "$tree/lib"
    # Newer releases have lib/modules in usr/.
    dpkg-deb --fsys-tarfile "$DISTRO_DEB" | tar -x -C "$tree" --wildcards \
        './boot/vmlinuz-*' '*/modules/*/kernel/drivers/nvme/*' \
        '*/modules/*/kernel/lib/*' '*/modules/*/kernel/crypto/*' \
        '*/modules/*/kernel/block/*' '*/modules/*/modules.*'
    if [ -d "$tree/usr/lib/modules" ]; then mv "$tree/usr/lib/modules" "$tree/lib/"; fi
    version=$(ls "$tree/lib/modules")
    distro_modules "$version" "$tree"
    mv "$tree/boot/vmlinuz-$version" "$DISTRO.new/vmlinuz"
    rm -rf "$tree"
    rm -rf "$DISTRO"
    mv "$DISTRO.new" "$DISTRO"
}

get_distro() {
    fetch_distro
    unpack_distro
}

prepare_distro() {
    if [ -e "$DISTRO/vmlinuz" ] || ! is_debian; then return 0; fi
    optional_step distro debian-kernel "getting the kernel of Debian's release for a guest (usually 20 s)" get_distro
}
