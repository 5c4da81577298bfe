#!/bin/sh
# The main job on the sample policies, with the real model: read and index files, ask, extract.
# Called by `make demo`; run it from the project's folder.
set -eu

zhengce() { .venv/bin/python -m toolkit "$@"; }
say() { printf '\n\033[1m%s\033[0m\n' "$1"; }

store=stores/demo
question='云岭市新引进的芯片设计企业，落户奖励最高多少？'

say "1. Read and index the sample policies of three invented cities: zhengce ingest examples/policies"
zhengce ingest examples/policies --store "$store"

say "2. Ask: zhengce ask \"$question\""
zhengce ask "$question" --store "$store"

say "3. Extract what one clause grants; every figure is read by code at the place that it is quoted from"
head -n 1 examples/clauses.jsonl
head -n 1 examples/clauses.jsonl | zhengce extract --clauses - --out - \
    | .venv/bin/python -m json.tool --no-ensure-ascii --indent 2

say "Yours next: zhengce ingest YOUR-FOLDER, then zhengce ask; .venv/bin/zhengce --help lists the rest"
