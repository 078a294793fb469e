# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034  # used by those who include this file
#
# apt with lists and caches of our own.  The system's lists, cache and
# configuration are never written; its proxies and certificates are used, and
# its mirror is read from its own sources.  Works without root.
#
# Nothing here runs on a system without Debian's archive keyring: what cannot
# be verified is not used.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Every "URI suite" pair of the machine's apt sources, both formats.
apt_system_sources() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        # deb [options] URI suite components...
        sed -n -e 's/[[:space:]]*#.*//' -e 's/\[[^]]*\]//' \
            -e 's/^[[:space:]]*deb[[:space:]]\{1,\}//p' "$file" |
            awk 'NF >= 2 { print $1, $2 }'
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        apt_deb822_sources "$file"
    done
}

apt_deb822_sources() {
    awk '
        function flush(    i, j, nu, ns, u, s) {
            if (types ~ /(^| )deb( |$)/ && enabled !~ /^(no|false|0|off)$/) {
                nu = split(uris, u, " "); ns = split(suites, s, " ")
                for (i = 1; i <= nu; i++)
                    for (j = 1; j <= ns; j++)
                        print u[i], s[j]
            }
            types = uris = suites = enabled = key = ""
        }
        /^#/ { next }
        /^[[:space:]]*$/ { flush(); next }
        /^[^[:space:]:]+:/ {
            key = tolower($0); sub(/:.*/, "", key)
            sub(/^[^:]*:[[:space:]]*/, "")
        }
        key == "types" { types = types " " $0 }
        key == "uris" { uris = uris " " $0 }
        key == "suites" { suites = suites " " $0 }
        key == "enabled" { enabled = tolower($0) }
        END { flush() }' "$1"
}

# The Debian mirror: named by the user, or the first archive of the machine.
apt_mirror() {
    if [ -n "$MIRROR" ]; then
        echo "${MIRROR%/}"
    else
        apt_system_sources | awk '
            $1 ~ /^(https?|mirror\+[a-z]+):/ && $1 ~ /\/debian\/?$/ && $2 !~ /security/ {
                sub(/\/$/, "", $1); print $1; exit }'
    fi
}

# apt_private WHICH TYPE SUITE: sets APT_ARGS for lists of one suite.  Fails
# (status 1) with a reason in APT_WHY where apt cannot be used.
apt_private() {
    local which=$1 type=$2 suite=$3 dir=$CACHE/apt/$1 mirror
    APT_WHY=''
    have apt-get || { APT_WHY='no apt on this machine'; return 1; }
    [ -r "$KEYRING" ] || { APT_WHY="no Debian archive keyring ($KEYRING)"; return 1; }
    mirror=$(apt_mirror)
    [ -n "$mirror" ] || { APT_WHY="no Debian mirror in the machine's apt sources (--mirror=URL names one)"; return 1; }
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
    printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$type" "$mirror" "$suite" "$KEYRING" >"$dir/$which.sources"
    APT_ARGS=(-o Dir::Etc::SourceList="$dir/$which.sources" -o Dir::Etc::SourceParts=/dev/null
              -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache"
              -o Acquire::Languages=none -o Acquire::Retries=2 -o APT::Update::Error-Mode=any)
    # As root apt would drop to _apt, which cannot enter a private cache.
    if [ "$(id -u)" = 0 ]; then APT_ARGS+=(-o APT::Sandbox::User=root); fi
}

apt_update() { apt-get "${APT_ARGS[@]}" -q update; }

# Versions of a source package that the lists name, newest first.
apt_source_versions() {
    apt-cache "${APT_ARGS[@]}" showsrc --only-source "$1" 2>/dev/null |
        awk '/^Version:/ { print $2 }' | sort -Vru
}

# apt_orig_uri PACKAGE VERSION: "uri file sha256" of its orig tarball.  The
# hash comes from the archive's signed list.
apt_orig_uri() {
    apt-get "${APT_ARGS[@]}" -qq --print-uris --download-only --only-source source "$1=$2" 2>/dev/null |
        sed -n "s/^'\([^']*\)' \([^ ]*\.orig\.tar\.[a-z0-9]*\) [0-9]* SHA256:\([0-9a-f]*\).*/\1 \2 \3/p" | head -n 1
}

# apt_fetch URI FILE SHA256: through apt's own transports and proxies.
apt_fetch() {
    /usr/lib/apt/apt-helper -o Acquire::Retries=2 "${APT_ARGS[@]}" download-file "$1" "$2" "SHA256:$3"
}
