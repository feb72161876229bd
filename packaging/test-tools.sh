# shellcheck shell=bash
# Sourced by test.sh: installs the Python tools of the end-to-end tests into a folder of their own.
# test-tools.txt is made by: pip-compile --generate-hashes --strip-extras --no-header --no-annotate

# Fills a folder, unless it has these tools already; versions and hashes are in test-tools.txt.
install_test_tools() {
    local folder=$1 here
    here=$(dirname "${BASH_SOURCE[0]}")
    cmp -s "$here/test-tools.txt" "$folder/VERSION" && return 0
    echo "installing the Python tools of the tests"
    rm -rf "$folder"
    # Debian's own Python, whatever else is on the PATH.
    /usr/bin/python3 -m venv "$folder" || return 1
    "$folder/bin/pip" install -q --disable-pip-version-check --only-binary :all: --require-hashes \
        -r "$here/test-tools.txt" || return 1
    cp "$here/test-tools.txt" "$folder/VERSION"
}
