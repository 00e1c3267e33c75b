# SPDX-License-Identifier: Apache-2.0
"""What is expected of a value: predicates with names, and what differs from a nested pattern."""

import re


class Is:
    """A predicate with a name, to stand where a value is expected."""

    def __init__(self, text, test):
        self.text, self.test = text, test

    def __repr__(self):
        return f'<{self.text}>'

    def __call__(self, value):
        try:
            return bool(self.test(value))
        except (TypeError, KeyError, IndexError, ValueError, AttributeError):
            return False


ANY = Is('anything', lambda value: True)
SOME = Is('not null', lambda value: value is not None)
NUMBER = Is('a number', lambda value: isinstance(value, (int, float)) and not isinstance(value,
        bool))


def between(low, high):
    return Is(f'{low} to {high}', lambda value: low <= value <= high)


def one_of(*wanted):
    return Is(f'one of {wanted}', lambda value: any(matches(value, want) for want in wanted))


def contains(*parts):
    return Is(f'containing {parts}', lambda value: all(part in value for part in parts))


def lacks(*parts):
    return Is(f'without {parts}', lambda value: not any(part in value for part in parts))


def like(pattern):
    return Is(f'like /{pattern}/', lambda value: re.search(pattern, value, re.MULTILINE))


def warns(*codes):
    return Is(f'with the warnings {codes}',
              lambda value: set(codes) <= {item['code'] for item in value})


def warns_only(*codes):
    return Is(f'with exactly the warnings {codes}',
              lambda value: set(codes) == {item['code'] for item in value})


def warns_at_most(*codes):
    return Is(f'with no warnings but {codes}',
              lambda value: {item['code'] for item in value} <= set(codes))


def victim(comm):
    return Is(f'naming {comm}', lambda value: comm in [item['comm'] for item in value])


def no_other_victim_than(*comms):
    return Is(f'naming nobody but {comms}',
              lambda value: {item['comm'] for item in value} <= set(comms))


def every(want):
    return Is(f'each {want}', lambda value: value and all(matches(item, want) for item in value))


def matches(value, want):
    return not list(differences(value, want))


def differences(value, want, place=''):
    """What of `value` is not as wanted: a dict wants its own keys only, an Is decides by itself."""
    if isinstance(want, Is):
        if not want(value):
            yield f'{place or "it"} is {value!r}, expected {want!r}'
    elif isinstance(want, dict) and isinstance(value, dict):
        for key, inner in want.items():
            if key in value:
                yield from differences(value[key], inner, f'{place}.{key}'.lstrip('.'))
            else:
                yield f'{place}.{key} is missing'
    elif value != want or isinstance(value, bool) != isinstance(want, bool):
        yield f'{place or "it"} is {value!r}, expected {want!r}'
