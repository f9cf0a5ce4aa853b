#!/bin/sh
# Keeps what a restart would lose: health, version and the last log lines.
set -eu

service=${1:?usage: snapshot.sh <service>}
base=${STATUS_URL:-http://localhost:9090}
out="incident-$(date -u +%Y%m%dT%H%M%SZ)-$service"

mkdir "$out"
for view in health version goroutines logs; do
  curl --fail --silent --show-error --max-time 10 \
    "$base/$service/$view" >"$out/$view.txt" 2>"$out/$view.err" || true
done
find "$out" -size 0 -name '*.err' -delete
echo "$out"
