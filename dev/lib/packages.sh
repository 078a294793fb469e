# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The Debian packages that the build needs.  As root on Debian (bookworm or
# newer) missing ones are installed; anywhere else one message names them all.
# Elsewhere the names differ, so there a tool or library is looked for by what
# it provides: "package|what proves it", where the proof is a command, a
# pkg-config module (pc:NAME), a header (h:NAME), a Python module (py:NAME) or
# a file (f:PATH).

MESON_MIN=1.5.0

PACKAGES_QEMU='
build-essential|gcc
ca-certificates|f:/etc/ssl/certs/ca-certificates.crt
ccache|ccache
git|git
make|make
ninja-build|ninja
pkg-config|pkg-config
flex|flex
bison|bison
xz-utils|xz
util-linux|flock
python3|f:/usr/bin/python3
python3-venv|py:ensurepip
python3-pip|py:pip
python3-setuptools|py:setuptools
libglib2.0-dev|pc:glib-2.0
libslirp-dev|pc:slirp
libpixman-1-dev|pc:pixman-1
libfdt-dev|h:libfdt.h
zlib1g-dev|pc:zlib
libseccomp-dev|pc:libseccomp
seabios|f:/usr/share/seabios/bios-256k.bin
qemu-system-data|f:/usr/share/qemu/linuxboot_dma.bin
ipxe-qemu|f:/usr/lib/ipxe/qemu/efi-e1000e.rom
meson|meson
'
PACKAGES_LAB='
bc|bc
cpio|cpio
rsync|rsync
kmod|depmod
busybox-static|busybox
libelf-dev|h:gelf.h
libssl-dev|pc:libcrypto
libcap-dev|h:sys/capability.h
uuid-dev|h:uuid/uuid.h
strace|strace
perl|perl
mtools|mformat
ovmf|f:/usr/share/OVMF/OVMF_CODE_4M.fd
systemd-boot-efi|f:/usr/lib/systemd/boot/efi/linuxx64.efi.stub
'
PACKAGES_DEV='
shellcheck|shellcheck
python3-sphinx|py:sphinx
python3-sphinx-rtd-theme|py:sphinx_rtd_theme
'

# has_proof PROOF
has_proof() {
    case $1 in
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    h:*) echo "#include <${1#h:}>" | gcc -E -x c - >/dev/null 2>&1 ;;
    py:*) "$PYTHON" -c "import ${1#py:}" >/dev/null 2>&1 ;;
    f:*) [ -e "${1#f:}" ] ;;
    meson) have meson && version_ge "$(meson --version)" "$MESON_MIN" ;;
    depmod | busybox) PATH=$PATH:/usr/sbin:/sbin have "$1" ;;
    *) have "$1" ;;
    esac
}

wanted_packages() {
    printf '%s' "$PACKAGES_QEMU"
    if [ "$WITH_LAB" = yes ]; then printf '%s%s' "$PACKAGES_LAB" "$PACKAGES_DEV"; fi
}

missing_packages() {
    local package proof
    wanted_packages | while IFS='|' read -r package proof; do
        [ -n "$package" ] || continue
        has_proof "$proof" || echo "$package"
    done
}

is_debian() {
    local ID='' VERSION_ID=''
    [ -r /etc/os-release ] || return 1
    # shellcheck source=/dev/null
    . /etc/os-release
    # testing and sid have no VERSION_ID.
    [ "$ID" = debian ] && { [ -z "$VERSION_ID" ] || [ "${VERSION_ID%%.*}" -ge 12 ]; }
}

codename() {
    local VERSION_CODENAME=''
    # shellcheck source=/dev/null
    . /etc/os-release
    echo "$VERSION_CODENAME"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"
}

install_from_system() {
    apt-get -q update
    apt_install install "$@"
}

# meson of bookworm is too old for QEMU; its backport is taken with lists of
# our own, so that the system's sources stay as they are.  Its dependencies
# (python3, ninja-build) are already there from the system's lists.
install_meson_backport() {
    apt_private backports deb "$(codename)-backports" || { echo "$APT_WHY"; return 1; }
    apt_update
    apt_install "${APT_ARGS[@]}" install meson
}

ensure_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$INSTALL_PACKAGES" != yes ] || [ "$(id -u)" != 0 ] || ! is_debian; then
        die "these packages are missing (Debian's names; meson must be >= $MESON_MIN): ${missing[*]}
       Run ./configure as root on Debian 12 or newer to have them installed, or install them and run it again."
    fi
    step packages "installing ${#missing[@]} packages: ${missing[*]}" "1 min" install_from_system "${missing[@]}"
    if ! has_proof meson; then
        step meson "installing meson >= $MESON_MIN from backports" "20 s" install_meson_backport
    fi
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] || die "installed, but still not usable: ${missing[*]}"
}
