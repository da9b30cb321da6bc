# Sourced by the scripts beside it: installs Debian packages that are missing, and says so. Nothing is
# asked and nothing is downloaded when everything is there.

# What building Merlon takes, and what its tests take on top.
build_packages=(gcc libc6-dev cmake ninja-build pkg-config libssl-dev zlib1g-dev libjansson-dev
    libzstd-dev liblz4-dev libexpat1-dev libsqlite3-dev)
test_packages=(libcmocka-dev clang-14 clang libclang-rt-14-dev clang-format-14 g++ binutils openssl age)

say() {
    printf '\n==> %s\n' "$*"
}

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

package_missing() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" != installed ]
}

# $@: packages that must be installed when this returns
need_packages() {
    command -v apt-get > /dev/null ||
        die "this script installs what is missing with apt-get, which is not here; install by hand what these Debian packages hold: $*"
    local package missing=()
    for package in "$@"; do
        if package_missing "$package"; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null ||
            die "needs root or sudo to install: ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing ${missing[*]} (apt-get, as root)"
    local try log
    log=$(mktemp)
    for try in 1 2; do
        if "${as_root[@]}" apt-get update -q > "$log" 2>&1 &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends "${missing[@]}" >> "$log" 2>&1; then
            rm -f "$log"
            return 0
        fi
        [ "$try" = 2 ] || { say "apt-get failed; once more in 5 seconds"; sleep 5; }
    done
    cat "$log" >&2
    rm -f "$log"
    die "apt-get could not install: ${missing[*]}"
}
