# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The kernel of this machine's own Debian release, for the lab's guest and the lab's
# host that boot it: build/distro/ has vmlinuz, and modules/ with the drivers of both
# and what those need, in the order of `guest` and of `host`. The package is not
# installed. Without it, be it for want of Debian or of a network, there are two cases
# of the lab less.

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

# distro_modules TREE WHO MODULE...: the modules and what they depend on, each after
# its own, go to modules/, and their names in that order to modules/WHO.
distro_modules() {
    local tree=$1 order=$DISTRO.new/modules/$2 module path name
    shift 2
    for module; do
        # "module: its dependencies", each of which stands before what needs it.
        sed -n "s,^\(.*/$module\.ko[^:]*\): *\(.*\),\1 \2,p" "$tree/modules.dep" |
            tr ' ' '\n' | sed '/^$/d' | tac | while read -r path; do
            name=${path##*/}
            name=${name%.[xz]*[zt]}
            ! grep -qx "$name" "$order" 2>/dev/null || continue
            cp "$tree/$path" "$DISTRO.new/modules/"
            case $path in
            *.xz) xz -df "$DISTRO.new/modules/${path##*/}" ;;
            *.zst) zstd -qdf --rm "$DISTRO.new/modules/${path##*/}" ;;
            esac
            echo "$name" >>"$order"
        done
        grep -qx "$module.ko" "$order" || { echo "the package has no $module.ko"; return 1; }
    done
}

unpack_distro() {
    local tree=$DISTRO.new/tree version modules
    rm -rf "$DISTRO.new"
    mkdir -p "$tree/lib" "$DISTRO.new/modules"
    # Newer releases have lib/modules in usr/.
    dpkg-deb --fsys-tarfile "$DISTRO_DEB" | tar -x -C "$tree" --wildcards \
        './boot/vmlinuz-*' '*/modules/*/kernel/drivers/nvme/*' \
        '*/modules/*/kernel/lib/*' '*/modules/*/kernel/crypto/*' \
        '*/modules/*/kernel/block/*' '*/modules/*/kernel/drivers/vfio/*' \
        '*/modules/*/kernel/arch/*' '*/modules/*/kernel/virt/*' \
        '*/modules/*/kernel/drivers/crypto/ccp/*' '*/modules/*/modules.*'
    if [ -d "$tree/usr/lib/modules" ]; then mv "$tree/usr/lib/modules" "$tree/lib/"; fi
    version=$(ls "$tree/lib/modules")
    modules=$tree/lib/modules/$version
    depmod -b "$tree" "$version" 2>/dev/null
    distro_modules "$modules" guest nvme
    distro_modules "$modules" host nvme kvm-amd vfio-pci vfio_iommu_type1
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
    if [ -e "$DISTRO/modules/host" ] || ! is_debian; then return 0; fi
    optional_step distro "debian-kernel (and debian-host)" "getting the kernel of Debian's release (usually 20 s)" get_distro
}
