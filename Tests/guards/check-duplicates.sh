#!/bin/sh
# check-duplicates.sh IMAGE...: fails when a Swift type or protocol is defined by more than one of the
# given (unstripped) images: it would be two types in one process, and casts between them would fail.
# $sSo is what the importer makes of C types: the runtime merges those.
set -eu
found=$(for image in "$@"; do
    nm --defined-only "$image" | awk -v image="${image##*/}" '$3 ~ /^\$s.*(Mn|Mp)$/ && $3 !~ /^\$sSo/ { print $3, image }'
done | sort -u | awk '{ n[$1]++; where[$1] = where[$1] " " $2 } END { for (s in n) if (n[s] > 1) print s ":" where[s] }' | sort)
if [ -z "$found" ]; then
    echo "guard: no Swift type is defined twice in $# images"
    exit 0
fi
echo "guard: these Swift types are defined by more than one image; move them to PluginAPI or another dynamic package:" >&2
printf '%s\n' "$found" | { swift demangle 2>/dev/null || cat; } >&2
exit 1
