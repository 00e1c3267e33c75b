#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# undefined-symbols.sh - the verdict is a pure function: its object may need nothing but what
# compilers emit by themselves.  (Of a plain build; sanitizers add more.)

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

ALLOWED='mem(cpy|move|set|cmp)|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'

object=$(find build/debug -name '*src_verdict_verdict.c.o' -path '*memcage*' | head -n 1)
[[ -n $object ]] || {
	echo 'build/debug has no verdict.c.o'
	exit 1
}
wanted=$(nm --undefined-only --format=just-symbols "$object" | grep -vxE "$ALLOWED" || true)
[[ -z $wanted ]] || {
	printf '%s needs:\n%s\n' "$object" "$wanted"
	exit 1
}
