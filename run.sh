#!/usr/bin/env bash
# Builds and starts comfyd. Everything after the options goes to `comfyd run`.
#   ./run.sh            one daemon on 127.0.0.1:8000, configuration in ./comfyd.yaml, data in ./var
#   ./run.sh --demo     the same with two simulated ComfyUI servers, configuration and data in ./var/demo
set -euo pipefail
cd "$(dirname "$0")"
source packaging/debian-packages.sh
source packaging/api-docs.sh

demo=no
arguments=()
for argument in "$@"; do
    case "$argument" in
        --demo) demo=yes ;;
        -h | --help)
            sed -n '2,4p' "$0" | sed 's/^# \{0,1\}//'
            exit 0
            ;;
        *) arguments+=("$argument") ;;
    esac
done

install_packages "${build_packages[@]}"
require_swift
echo "building (the first time takes a few minutes) ..."
swift build -c release --disable-build-manifest-caching --quiet
bin=$(swift build -c release --show-bin-path)
install_api_docs "$bin/api-docs" || echo "cannot fetch Swagger UI and ReDoc: /docs and /redoc will not be there" >&2

if [ "$demo" = no ]; then
    if [ ! -e comfyd.yaml ]; then
        cp packaging/comfyd.yaml comfyd.yaml
        echo "wrote comfyd.yaml"
    fi
    cat <<TEXT
starting on the addresses of comfyd.yaml (127.0.0.1:8000 unless you changed it); Ctrl-C ends it
  admin token   ./var/admin.token (made at the first start)
  a worker      curl http://127.0.0.1:8000/api/workers -d '{"url": "http://127.0.0.1:8188", "name": "gpu-1"}'
  a prompt      curl http://127.0.0.1:8000/api/prompt -d '{"prompt": {...}}'
  a workflow    put NAME.json into ./workflows, then
                curl http://127.0.0.1:8000/api/workflow/NAME -H 'Content-Type: application/json' -d '{"prompt": "a bear"}'
  the API       http://127.0.0.1:8000/docs
  more          README.md, $bin/comfyd --help
TEXT
    exec "$bin/comfyd" run --config comfyd.yaml "${arguments[@]}"
fi

# The demo: two stand-in ComfyUI servers and a gateway that knows them, all on loopback.
children=()
stop_children() {
    trap - EXIT INT TERM
    for child in "${children[@]}"; do kill -TERM "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
}
trap stop_children EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for number in 1 2; do
    folder="var/demo/simulator-$number"
    mkdir -p "$folder"
    cat > "$folder/comfyd.yaml" <<YAML
listen: ["127.0.0.1:819$number"]
state_dir: .
plugins:
  simulator: { name: "simulator-$number" }
YAML
    "$bin/comfyd" run --config "$folder/comfyd.yaml" --log-level warning &
    children+=($!)
done
mkdir -p var/demo/workflows
cp -n packaging/workflows/*.json var/demo/workflows/
cat > var/demo/comfyd.yaml <<'YAML'
listen: ["127.0.0.1:8000"]
state_dir: .
plugins:
  gateway:
    workers:
      - { url: "http://127.0.0.1:8191", name: simulator-1 }
      - { url: "http://127.0.0.1:8192", name: simulator-2 }
  workflows: { directory: ./workflows }
  catalogs: {}
  agents: { push_targets: [any, 127.0.0.0/8] }
  alerts: {}
YAML
cat <<TEXT
a gateway on 127.0.0.1:8000 and two simulated ComfyUI servers on 8191 and 8192; Ctrl-C ends them
  admin token   ./var/demo/admin.token (made at the first start)
  the API       http://127.0.0.1:8000/docs
  next          the lines of "Try it" in README.md, or: curl http://127.0.0.1:8000/api/workers
TEXT
"$bin/comfyd" run --config var/demo/comfyd.yaml "${arguments[@]}" &
children+=($!)
wait "${children[2]}"
