#!/bin/sh
# check-abi.sh [--accept] NEW.abi.json: compares PluginAPI's binary interface with the accepted one.
#   a removed or changed declaration asks for a new COMFYD_PLUGIN_ABI_MAJOR,
#   an added one for a new COMFYD_PLUGIN_ABI_MINOR (Sources/PluginAPI/CPluginABI/include/comfyd_plugin_abi.h).
# --accept makes the new interface the accepted one, together with the version of the header.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
header="$here/../../Sources/PluginAPI/CPluginABI/include/comfyd_plugin_abi.h"
baseline="$here/PluginAPI.abi.json.gz"
version="$here/PluginAPI.abi.version"
number() { awk -v name="$1" '$1 == "#define" && $2 == name { print $3 }' "$header"; }
major=$(number COMFYD_PLUGIN_ABI_MAJOR)
minor=$(number COMFYD_PLUGIN_ABI_MINOR)

if [ "${1:-}" = --accept ]; then
    gzip -9nc "$2" > "$baseline"
    echo "$major $minor" > "$version"
    echo "guard: accepted PluginAPI ABI $major.$minor"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gzip -dc "$baseline" > "$work/old.json"
read -r old_major old_minor < "$version"
swift-api-digester -diagnose-sdk -abi -compiler-style-diags -module PluginAPI \
    --input-paths "$work/old.json" -input-paths "$1" > "$work/out" 2>&1 || true
grep 'ABI breakage' "$work/out" | sed 's/.*ABI breakage: //' > "$work/changes" || true
grep "is a new API without '@available'" "$work/changes" > "$work/added" || true
grep -v "is a new API without '@available'" "$work/changes" > "$work/broken" || true

if [ -s "$work/broken" ] && [ "$major" = "$old_major" ]; then
    echo "guard: PluginAPI changed so that old plugins break; raise COMFYD_PLUGIN_ABI_MAJOR:" >&2
    sed 's/^/  /' "$work/broken" >&2
    exit 1
fi
if [ -s "$work/added" ] && [ "$major.$minor" = "$old_major.$old_minor" ]; then
    echo "guard: PluginAPI grew; raise COMFYD_PLUGIN_ABI_MINOR:" >&2
    sed 's/^/  /' "$work/added" >&2
    exit 1
fi
if [ -s "$work/changes" ]; then
    echo "guard: PluginAPI is $major.$minor now; accept it with: $0 --accept $1" >&2
    exit 1
fi
echo "guard: PluginAPI ABI $major.$minor is as accepted"
