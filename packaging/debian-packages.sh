# shellcheck shell=bash
# Sourced by run.sh and test.sh: installs missing Debian packages and checks the Swift toolchain.

# What it takes to build and run.
build_packages=(libmicrohttpd-dev libcurl4-openssl-dev libwslay-dev libyaml-dev libsqlite3-dev libssl-dev pkg-config curl
    python3-pip)
# What the tests need besides.
test_packages=(libjansson-dev binutils openssl python3 python3-venv procps chromium chromium-driver)
# What the benchmarks need besides.
benchmark_packages=(wrk nginx)

install_packages() {
    local missing=() name
    for name in "$@"; do
        dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0
    echo "installing: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "please install these Debian packages: ${missing[*]}" >&2; return 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

require_swift() {
    if ! command -v swift >/dev/null; then
        echo "comfyd needs the Swift 6.3 toolchain (https://www.swift.org/install/linux): no \"swift\" on the PATH" >&2
        return 1
    fi
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    case "$version" in
        6.[3-9]* | 6.[1-9][0-9]* | [7-9]*) ;;
        *) echo "comfyd needs Swift 6.3 or later; this is $version" >&2; return 1 ;;
    esac
}
