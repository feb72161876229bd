#!/usr/bin/env bash
# Fetches the files of /docs (Swagger UI) and /redoc (ReDoc) from PyPI into a folder where comfyd finds them.
#   packaging/api-docs.sh FOLDER      such as /usr/local/share/comfyd/api-docs, for a daemon in /usr/local/bin
# Sourced by run.sh and test.sh for the function alone. Needs python3 with pip.

# Fills a folder, unless it has these files already; version and hash are in api-docs.txt.
install_api_docs() {
    local folder=$1 here work
    here=$(dirname "${BASH_SOURCE[0]}")
    cmp -s "$here/api-docs.txt" "$folder/VERSION" && return 0
    echo "fetching Swagger UI and ReDoc"
    mkdir -p "$(dirname "$folder")"
    # Beside the folder, so that it appears whole or not at all.
    work=$(mktemp -d "$folder.XXXXXX")
    if ! fetch_api_docs "$here" "$work"; then
        rm -rf "$work"
        return 1
    fi
    cp "$here/api-docs.txt" "$work/files/VERSION"
    chmod -R a+rX "$work/files"
    rm -rf "$folder"
    mv "$work/files" "$folder"
    rm -rf "$work"
}

# One transparent pixel.
no_image="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

fetch_api_docs() {
    local here=$1 work=$2 files
    /usr/bin/python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
        -r "$here/api-docs.txt" -d "$work/wheel" &&
        /usr/bin/python3 -m zipfile -e "$work"/wheel/*.whl "$work/all" || return 1
    files="$work/all/drf_spectacular_sidecar/static/drf_spectacular_sidecar"
    # Maps are for debugging the viewers themselves, and most of the size.
    find "$files" -name '*.map' -delete
    # The one address of another host: a logo, which the page's policy would only refuse.
    sed -i "s#https://cdn.redoc.ly/redoc/logo-mini.svg#$no_image#" "$files/redoc/bundles/redoc.standalone.js"
    mv "$files" "$work/files"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    [ $# -eq 1 ] || { sed -n '2,3p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
    install_api_docs "${1%/}"
fi
