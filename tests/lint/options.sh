#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# options.sh - `memcage run --help`, memcage-run(1) and the contract must name the same options.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PAGE=man/memcage-run.1

# What begins with a dash, one a line.
dashed_words() {
	grep --only-matching -E -- '(^|[ ,])--?[a-z][a-z-]*' | tr -d ' ,' | sort -u
}

# The heads of the list: lines that begin with an option.  Two blanks part a head from its meaning.
in_help() {
	build/debug/memcage run --help | grep -E '^ *-' | sed -E 's/^ *//; s/  .*//' | dashed_words
}

# mdoc's `.It Fl m , Fl -memory Ar SIZE`.
in_page() {
	sed -n 's/^\.It Fl /Fl /p' "$PAGE" | sed 's/Fl /-/g' | dashed_words
}

in_contract() {
	grep -v '^#' tests/lint/contract-options | dashed_words
}

# compare NAME LIST NAME LIST
compare() {
	local left right

	left=$(comm -23 <(echo "$2") <(echo "$4") | tr '\n' ' ')
	right=$(comm -13 <(echo "$2") <(echo "$4") | tr '\n' ' ')
	[[ -z $left ]] || echo "in $1 but not in $3: $left"
	[[ -z $right ]] || echo "in $3 but not in $1: $right"
	[[ -z $left$right ]]
}

help=$(in_help) page=$(in_page) contract=$(in_contract)
status=0
compare --help "$help" "$PAGE" "$page" || status=1
compare --help "$help" 'the contract' "$contract" || status=1
exit "$status"
