#!/usr/bin/env bash
# Prints comfyd's figures beside nginx and beside the bare simulated server, all in one run on this machine.
#   Benchmarks/run.sh                  everything but presence, less than ten minutes once built
#   Benchmarks/run.sh --quick          shorter measurements
#   Benchmarks/run.sh NAME ...         only some of: answers stored submits workers waiting catalogs agents view memory sockets presence
# Result: a Markdown table on standard output, ready for docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
source packaging/debian-packages.sh
install_packages "${build_packages[@]}" "${benchmark_packages[@]}" python3
require_swift
swift build -c release --disable-build-manifest-caching --quiet
swift build -c release --package-path Benchmarks/Engine --quiet
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec python3 Benchmarks/benchmark.py --bin "$(swift build -c release --show-bin-path)" "$@"
