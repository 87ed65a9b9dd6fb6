#!/usr/bin/env bash
# One GitHub annotation for each check that failed in a run directory, ten at most; one for the report's first line where none did.
set -euo pipefail
out=$1
failed=""
if [ -f "$out/verdict.json" ]; then
  failed=$(jq -r '
    def line: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
    def property: line | gsub(":"; "%3A") | gsub(","; "%2C");
    .verdicts // [] | map(select(.judgement.status == "FAIL")) | .[:10][]
    | "::error title=\("\(.scenario)/\(.id)" | property)::\(.judgement.reason | line)"' "$out/verdict.json")
fi
if [ -n "$failed" ]; then
  printf '%s\n' "$failed"
else
  first=$(head -n 1 "$out/GREEN_EVIDENCE_v1.7.md" 2>/dev/null || true)
  first=${first#"# "}
  first=${first:-NO DATA: no report was written}
  printf '::error title=Export@Scale::%s\n' "${first//%/%25}"
fi
