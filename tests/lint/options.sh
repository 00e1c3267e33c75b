#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# options.sh - the help of a verb and its man page must name the same options, and for `memcage run`
# and `memcage map` the contract too.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# What begins with a dash, one a line.
dashed_words() {
	grep --only-matching -E -- '(^|[ ,])--?[0a-z][a-z-]*' | tr -d ' ,' | sort -u
}

# The heads of the list: lines that begin with an option.  Two blanks part a head from its meaning.
# in_help VERB
in_help() {
	build/debug/memcage "$1" --help | grep -E '^ *-' | sed -E 's/^ *//; s/  .*//' | dashed_words
}

# in_page VERB - mdoc's `.It Fl m , Fl -memory Ar SIZE`.
in_page() {
	sed -n 's/^\.It Fl /Fl /p' "man/memcage-$1.1" | sed 's/Fl /-/g' | dashed_words
}

# in_contract VERB - what is of all verbs, and its own.
in_contract() {
	awk -v verb="$1:" '/^[a-z]+:$/ { other = $0 != verb; next } !other && !/^#/' \
		tests/lint/contract-options | dashed_words
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

status=0
for verb in run map doctor; do
	compare "$verb --help" "$(in_help "$verb")" "man/memcage-$verb.1" "$(in_page "$verb")" ||
		status=1
done
for verb in run map; do
	compare "$verb --help" "$(in_help "$verb")" 'the contract' "$(in_contract "$verb")" ||
		status=1
done
exit "$status"
