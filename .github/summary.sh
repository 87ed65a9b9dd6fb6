#!/usr/bin/env bash
# The Markdown that a CI job's page shows of a run directory: its step summary, else its report.
set -euo pipefail
out=$1
for page in "$out/step_summary.md" "$out/GREEN_EVIDENCE_v1.7.md"; do
  if [ -f "$page" ]; then
    cat "$page"
    exit 0
  fi
done
echo "# NO DATA: no report was written"
