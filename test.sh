#!/usr/bin/env bash
# Installs what the tests need, builds, checks format and guards, runs all tests, prints one closing count.
#   ./test.sh                         everything
#   ./test.sh --filter NAME           only tests whose name matches
#   ./test.sh --sanitize address      the tests under AddressSanitizer (or: thread), in a build folder of its own
set -euo pipefail
cd "$(dirname "$0")"
source packaging/debian-packages.sh
source packaging/api-docs.sh
source packaging/test-tools.sh

filter=()
sanitize=()
scratch=.build
while [ $# -gt 0 ]; do
    case "$1" in
        --filter) filter=(--filter "$2"); shift 2 ;;
        --sanitize) sanitize=(--sanitize "$2"); scratch=".build/$2"; export COMFYD_SANITIZE=$2; shift 2 ;;
        -h | --help) sed -n '2,5p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
        *) echo "unknown option $1; see ./test.sh --help" >&2; exit 2 ;;
    esac
done

install_packages "${build_packages[@]}" "${test_packages[@]}"
require_swift
install_test_tools .build/test-tools

echo "== format"
git ls-files -z -- '*.swift' | xargs -0 swift format lint --strict

echo "== build"
build=(--disable-build-manifest-caching --scratch-path "$scratch" "${sanitize[@]}")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! swift build --build-tests "${build[@]}" 2>&1 | tee "$log" | grep -E 'error|warning|Compiling|Build' | tail -n 30; then
    grep -E -A 3 'error: ' "$log" | head -n 100 >&2
    exit 1
fi
if grep -E 'warning: ' "$log" | grep -v -E 'system-packager|unsafe build flags|PkgConfig|pkg-config|Cannot export local symbol'; then
    echo "the build has warnings" >&2
    exit 1
fi
bin=$(swift build "${build[@]}" --show-bin-path)
install_api_docs "$bin/api-docs"

if [ "${#sanitize[@]}" -eq 0 ]; then
    echo "== guards"
    Tests/guards/check-duplicates.sh "$bin"/comfyd "$bin"/lib*.so
    Tests/guards/check-abi.sh "$bin"/Modules/PluginAPI.abi.json
fi

# What run.sh builds: whole modules at once, which finds imports that are missing and that a debug build does not miss.
if [ "${#filter[@]}" -eq 0 ] && [ "${#sanitize[@]}" -eq 0 ]; then
    echo "== release build"
    swift build -c release --disable-build-manifest-caching --scratch-path "$scratch" --quiet
fi

echo "== tests"
# The leak check needs ptrace, which containers forbid; suppressions name what is not ours.
export ASAN_OPTIONS="detect_leaks=0:${ASAN_OPTIONS:-}"
export TSAN_OPTIONS="suppressions=$PWD/Tests/guards/tsan-suppressions.txt:${TSAN_OPTIONS:-}"
# Daemons of the end-to-end tests would slow down the others: two runs, one count.
passed=0
failed=0
# Seconds after which a run is taken for hung, it takes minutes; sanitizers are slow, and have no limit.
limit=${COMFYD_TEST_LIMIT:-$([ "${#sanitize[@]}" -eq 0 ] && echo 900 || echo 0)}
run_tests() {
    local code=0 summary total bad
    # More tests at once than this starve each other of threads on a small machine.
    # An interrupt ends the tests' own process too; in the foreground, that of the terminal still reaches all.
    timeout --foreground --signal=INT "$limit" \
        swift test --skip-build "${build[@]}" --experimental-maximum-parallelization-width 6 "$@" 2>&1 |
        tee "$log" | grep -v -E '^(◇|↳) |^✔ (Test|Suite) "|^Test Suite|Executed 0 tests' || code=${PIPESTATUS[0]}
    if [ "$code" -eq 124 ]; then
        echo "the run of tests hung and was ended; these tests had not ended:" >&2
        comm -23 <(sed -n -E 's/^◇ Test (".*") started\.$/\1/p' "$log" | sort) \
            <(sed -n -E 's/^[^ ]+ Test (".*") .*(passed|failed) after .*/\1/p' "$log" | sort) >&2
    fi
    summary=$(grep -E 'Test run with [0-9]+ tests?' "$log" | tail -n 1 || true)
    total=$(sed -n 's/.*Test run with \([0-9]*\) test.*/\1/p' <<<"$summary")
    bad=$(grep -c -E '^✘ Test ".* failed after' "$log" || true)
    # A run that crashed or hung has no summary.
    if ! grep -q 'passed after' <<<"$summary" && [ "$bad" -eq 0 ]; then bad=1; fi
    [ -z "$total" ] || passed=$((passed + total - bad))
    failed=$((failed + bad))
}
if [ "${#filter[@]}" -gt 0 ]; then
    run_tests "${filter[@]}"
else
    run_tests --skip EndToEndTests
    run_tests --filter EndToEndTests
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
