#!/usr/bin/env bash
# Prints the text of a job that has ended, from the topic jobs.events alone, with kcat and jq:
# follow_job.sh JOB_ID [BROKERS [TOPIC_PREFIX]]
#
# Events may stand in the topic more than once: each number (header "seq") counts once, in order;
# records without one are views, for streams. A retry takes text back, from the chunk that its first
# delta names.
set -euo pipefail
job=$1 brokers=${2:-127.0.0.1:9092} topic=${3:-}jobs.events

kcat -C -q -e -b "$brokers" -t "$topic" -o beginning -f '%k\t%h\t%s\n' |
    awk -F '\t' -v job="$job" '$1 == job' |
    jq -Rrsj '
        [splits("\n") | select(. != "") | split("\t")
         | {headers: (.[1] | split(",") | map(split("=") | {(.[0]): .[1]}) | add),
            event: (.[2:] | join("\t") | fromjson)}
         | select(.headers.seq)
         | {seq: (.headers.seq | tonumber), type: .headers.type, event}]
        | unique_by(.seq)
        | if (.[-1].type | IN("final_result", "job_failed", "cancelled", "expired")) | not
          then error("the job has not ended") else . end
        | reduce (.[] | select(.type == "partial_transcript") | .event) as $part ([];
            ($part.replaces_from_chunk // 10000) as $first
            | map(select(.to_chunk < $first)) + [$part])
        | map(.delta) | join("")'
echo
