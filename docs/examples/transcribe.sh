#!/usr/bin/env bash
# Transcribes a recording while it is uploaded, with curl and jq: transcribe.sh FILE [GATEWAY_URL]
set -euo pipefail
file=$1 base=${2:-http://127.0.0.1:8080}
post() { curl -sSf --retry 5 "$base$1" -H 'Content-Type: application/json' -d "$2"; }

job=$(post /chunked-upload-stream "$(jq -n --arg name "$(basename "$file")" \
    --argjson size "$(stat -c %s "$file")" '{filename: $name, total_size: $size, chunk_size_mb: 1, ramp: true}')")
id=$(jq -r .parent_job_id <<<"$job")
export file base id

send() { # chunk start bytes url
    tail -c "+$(($2 + 1))" "$file" | head -c "$3" |
        curl -sSf -X PUT --data-binary @- -H "Content-Length: $3" "$base$4"
    post /chunk-upload-complete \
        "{\"parent_job_id\": \"$id\", \"chunk_index\": $1, \"actual_size\": $3}" >/dev/null
}
export -f send post

curl -sSN "$base/chunked-stream/$id?partial=delta" |
    sed -nu '/^event: partial_transcript/{n;s/^data: //p}' | jq -rj --unbuffered .delta &
listener=$!
jq -r '.upload_urls[] | "\(.chunk_index) \(.chunk_range[0]) \(.expected_size) \(.upload_url)"' <<<"$job" |
    xargs -P "$(jq .chunk_info.max_concurrent_uploads <<<"$job")" -L 1 bash -euc 'send "$@"' -
wait "$listener"
echo
