#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# layers.sh - HACKING.md's map, held: rings point inward, a dependency is one file's business,
# pointers to doctor lead somewhere, and the calls that have hurt everybody are not made.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Headers of which exactly one source file may know.
SINGLE=(libcgroup.h seccomp.h jansson.h cyaml/cyaml.h yaml.h sqlite3.h)
BANNED='strcpy|strcat|sprintf|vsprintf|strtok|atoi|atof|system'

status=0

# forbid WHAT [MATCH...] - say where, if anywhere.
forbid() {
	[[ -n ${2:-} ]] || return 0
	printf '%s:\n%s\n' "$1" "$2"
	status=1
}

# includes PATTERN PATH... - the include lines that match, with their places.
includes() {
	grep -rn --include='*.[ch]' -P "^\s*#\s*include\s+$1" "${@:2}" || true
}

base_is_innermost() {
	forbid 'src/base includes what is outside of it' \
		"$(includes '"' src/base | grep -v '"base/' || true)"
}

cli_is_outermost() {
	forbid 'src/cli is included from inside' \
		"$(includes '"(\.\./)*cli/' src include | grep -v '^src/cli/' || true)"
	forbid 'the public header includes private ones' "$(includes '"' include)"
}

dependencies_are_single() {
	local header files

	for header in "${SINGLE[@]}"; do
		files=$(includes "<$header>" src include | cut -d: -f1 | sort -u)
		[[ $files == src/*.c && $files != *$'\n'* ]] ||
			forbid "one source file must include $header, but these do" "${files:-none}"
	done
	forbid 'cmocka is for tests only' "$(includes '<cmocka.h>' src include)"
}

nothing_banned() {
	forbid 'banned functions' "$(grep -rn --include='*.[ch]' -E "(^|[^[:alnum:]_])($BANNED)\(" \
		src include tests || true)"
}

# Refusals that point to a line of doctor: are there lines of these names?
pointers_lead_somewhere() {
	local name

	while read -r name; do
		grep -qF "] = \"$name\"," src/doctor/doctor_say.c ||
			forbid "doctor has no line $name, to which these point" \
				"$(grep -rn "memcage doctor, line $name" src man README.md)"
	done < <(grep -rhoP 'memcage doctor, line \K[a-z-]+' src man README.md | sort -u)
}

base_is_innermost
cli_is_outermost
pointers_lead_somewhere
dependencies_are_single
nothing_banned
exit "$status"
