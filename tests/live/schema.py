# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a document, by one of our JSON schemas.

In a lab, where python runs some twenty times slower, jsonschema takes seconds to be imported.  So a
schema is made into functions here, one a keyword; on this machine jsonschema judges every document
too, and has to agree.
"""

import json
import os
import re

from host import HOST

HERE = os.path.dirname(os.path.abspath(__file__))
PASSIVE = {'$schema', '$id', '$comment', '$defs', 'title', 'description', 'then', 'else'}
NUMBER = (int, float)


# What json.load() makes of each; 1.0 is an integer too.
TYPES = {
    'null': {type(None)},
    'boolean': {bool},
    'integer': {int},
    'number': {int, float},
    'string': {str},
    'array': {list},
    'object': {dict},
}


def same(one, other):
    """As JSON has it, where true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


class Schema:
    """Of include/NAME.schema.json."""

    def __init__(self, name):
        with open(f'{HERE}/../../include/{name}.schema.json', encoding='utf-8') as file:
            self.root = json.load(file)
        self.places = {}        # $ref -> a function
        self.check = self.compile(self.root)
        self.other = None if HOST.lab else self.judged_by_jsonschema()

    def judged_by_jsonschema(self):
        import jsonschema
        kind = jsonschema.validators.validator_for(self.root)
        kind.check_schema(self.root)
        return kind(self.root)

    def wrong(self, document):
        """What is wrong, with its place; None is right."""
        found = self.check(document)
        if self.other:
            others = [error.message for error in self.other.iter_errors(document)]
            if bool(others) != bool(found):
                raise AssertionError(f'jsonschema says {others}, schema.py {found!r}')
        return found

    def compile(self, schema):
        """A function of a value, which says what is wrong with it, or None."""
        if isinstance(schema, bool):
            return lambda value: None if schema else 'must not be'
        checks = [getattr(self, 'word_' + word.lstrip('$'))(wanted, schema)
                  for word, wanted in schema.items() if word not in PASSIVE]
        return checks[0] if len(checks) == 1 else self.all_of(checks)

    @staticmethod
    def all_of(checks):
        def check(value):
            for one in checks:
                if found := one(value):
                    return found
            return None
        return check

    @staticmethod
    def holds(kind, test, text):
        """Of values of another kind such a keyword says nothing."""
        return lambda value: (None if not isinstance(value, kind) or isinstance(value, bool)
                              and kind is not object or test(value) else f'{value!r} {text}')

    # One for each keyword that the schemas have; another is an AttributeError.

    def word_ref(self, wanted, _):
        def check(value):
            if wanted not in self.places:
                found = self.root
                for part in wanted.removeprefix('#/').split('/'):
                    found = found[part]
                self.places[wanted] = self.compile(found)
            return self.places[wanted](value)
        return check

    def word_type(self, wanted, _):
        names = [wanted] if isinstance(wanted, str) else wanted
        types, whole = frozenset().union(*(TYPES[name] for name in names)), 'integer' in names
        return lambda value: (None if type(value) in types
                              or whole and type(value) is float and value.is_integer()
                              else f'{value!r} is not of type {wanted}')

    def word_const(self, wanted, _):
        return self.holds(object, lambda value: same(value, wanted), f'is not {wanted!r}')

    def word_enum(self, wanted, _):
        if all(isinstance(one, str) for one in wanted):
            words = frozenset(wanted)
            return lambda value: (None if isinstance(value, str) and value in words
                                  else f'{value!r} is none of {wanted}')
        return self.holds(object, lambda value: any(same(value, one) for one in wanted),
                          f'is none of {wanted}')

    def word_pattern(self, wanted, _):
        return self.holds(str, re.compile(wanted).search, f'does not match {wanted}')

    def word_minLength(self, wanted, _):
        return self.holds(str, lambda value: len(value) >= wanted, f'is shorter than {wanted}')

    def word_minimum(self, wanted, _):
        return self.holds(NUMBER, lambda value: value >= wanted, f'is less than {wanted}')

    def word_exclusiveMinimum(self, wanted, _):
        return self.holds(NUMBER, lambda value: value > wanted, f'is not more than {wanted}')

    def word_maximum(self, wanted, _):
        return self.holds(NUMBER, lambda value: value <= wanted, f'is more than {wanted}')

    def word_minItems(self, wanted, _):
        return self.holds(list, lambda value: len(value) >= wanted, f'has not {wanted} items')

    def word_maxItems(self, wanted, _):
        return self.holds(list, lambda value: len(value) <= wanted, f'has over {wanted} items')

    def word_required(self, wanted, _):
        return self.holds(dict, lambda value: all(key in value for key in wanted),
                          f'lacks one of {wanted}')

    def word_items(self, wanted, _):
        check_one = self.compile(wanted)

        def check(value):
            for number, one in enumerate(value if isinstance(value, list) else ()):
                if found := check_one(one):
                    return f'{number}: {found}'
            return None
        return check

    def word_properties(self, wanted, _):
        checks = {key: self.compile(schema) for key, schema in wanted.items()}

        def check(value):
            for key in value if isinstance(value, dict) else ():
                if key in checks and (found := checks[key](value[key])):
                    return f'{key}: {found}'
            return None
        return check

    def word_additionalProperties(self, wanted, schema):
        known, check_one = schema.get('properties', {}), self.compile(wanted)

        def check(value):
            for key in value if isinstance(value, dict) else ():
                if key not in known and (found := check_one(value[key])):
                    return f'{key}: {found}'
            return None
        return check

    def word_allOf(self, wanted, _):
        return self.all_of([self.compile(schema) for schema in wanted])

    def word_oneOf(self, wanted, _):
        checks = [self.compile(schema) for schema in wanted]

        def check(value):
            found = [one(value) for one in checks]
            return None if found.count(None) == 1 else f'not one of several: {found}'
        return check

    def word_if(self, wanted, schema):
        condition = self.compile(wanted)
        then, otherwise = (self.compile(schema.get(word, True)) for word in ('then', 'else'))
        return lambda value: (otherwise if condition(value) else then)(value)
