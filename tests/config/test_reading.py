"""From text to data with places, in both languages."""

from __future__ import annotations

import tomllib

import pytest

from fairlead.config.reading import read_text
from fairlead.config.toml_places import places_of
from fairlead.errors import ConfigurationError

YAML = """\
# a comment
executor:
  type: local
  max_workers: 2
observers:
  - first
  - {type: second, url: x}
base: &base {a: 1, b: 2}
more:
  <<: *base
  b: 3
"""

TOML = '''\
# a comment [not.a.table]
title = "a = [b]"
text = """
[no]
x = 1
"""
lines = [
  "one", # with a comment, and a ]
  { deep = [1, 2], "quo ted" = 'x' },
]
a.b."c.d" = 1

[executor]
  type = "local"
max_workers = 2
[[steps]]
name = 'first'
[steps.inner]
k = 1
[[steps]]
name = "second \\" ] }"
date = 1979-05-27T07:32:00Z
[x.y]
z = {}
'''


def test_yaml_says_where_every_key_is():
    document = read_text(YAML, "dev.yaml")
    where = {keys: (spot.line, spot.column) for keys, spot in document.places.items()}
    assert where["executor",] == (2, 1)
    assert where["executor", "max_workers"] == (4, 3)
    assert where["observers", 0] == (6, 5)
    assert where["observers", 1, "url"] == (7, 20)
    assert where["more", "a"] == (8, 14), "where `<<` takes it from"
    assert where["more", "b"] == (11, 3)
    assert document.data["more"] == {"a": 1, "b": 3}


def test_toml_says_where_every_key_is():
    document = read_text(TOML, "dev.toml", is_toml=True)
    where = {keys: (spot.line, spot.column) for keys, spot in document.places.items()}
    assert where["title",] == (2, 1)
    assert where["text",] == (3, 1)
    assert where["lines", 0] == (8, 3)
    assert where["lines", 1, "deep", 1] == (9, 16)
    assert where["lines", 1, "quo ted"] == (9, 20)
    assert where["a", "b", "c.d"] == (11, 5)
    assert where["executor", "type"] == (14, 3)
    assert where["steps", 0, "inner", "k"] == (19, 1)
    assert where["steps", 1, "name"] == (21, 1)
    assert where["x", "y", "z"] == (24, 1)


def all_keys(value, keys=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*keys, key)
        yield from all_keys(inner, (*keys, key))


@pytest.mark.parametrize(
    "text",
    [
        TOML,
        "",
        "a = 1",
        'a = "x" # c\r\nb = 2\r\n',
        "a = '''x\n]'''\nb = [[1, [2]], [],]\n",
        'a = """x\\""""\nb = {c = {d = 1}, e = [{f = 1}]}\n',
        "[[a.b]]\nc = 1\n[[a.b]]\n[[a.b.d]]\ne = 1\n[[a.b.d]]\n",
        "1.2 = 3\n'k.l'.m = 4\n",
    ],
)
def test_every_key_of_valid_toml_has_a_place(text):
    missing = set(all_keys(tomllib.loads(text))) - set(places_of(text))
    assert not missing


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "dev.yaml:1:5: not valid YAML: expected the node content"),
        (
            "a: {b: ${C:-2}}",
            "dev.yaml:1:9: not valid YAML: expected ',' or '}', but got '{'; put '${…}' in quotes here",
        ),
        ("a: 1\n b: 2\n", "dev.yaml:2:3: not valid YAML: mapping values are not allowed here"),
        ("a: !!python/name:os.system x", "not valid YAML: could not determine a constructor"),
        ("- 1", "an environment is a mapping, and this is a list"),
        ("just text", "and this is 'just text'"),
        ("a: 1\na: 2\n", "dev.yaml:2:1: the key 'a' is there twice (first in line 1)"),
        ("x: {a: 1, a: 2}", "dev.yaml:1:11: the key 'a' is there twice"),
        ("on: 1", "dev.yaml:1:1: the key on is no text; write it in quotes: 'on'"),
        ("a: {1: x}", "dev.yaml:1:5: the key 1 is no text"),
        ("a: &a [*a]", "it holds itself"),
        ("b: 1\na: \x01", "dev.yaml:2:4: not valid YAML: special characters are not allowed"),
        ("a: 2020-99-99", "not valid YAML"),
    ],
)
def test_yaml_that_cannot_be_read_says_where(text, said):
    with pytest.raises(ConfigurationError) as caught:
        read_text(text, "dev.yaml")
    assert said in str(caught.value)


def test_aliases_that_make_very_much_are_refused():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    with pytest.raises(ConfigurationError, match="far too many settings"):
        read_text("\n".join(levels), "dev.yaml")


def test_toml_that_cannot_be_read_says_where():
    with pytest.raises(ConfigurationError, match=r"dev\.toml: not valid TOML: .*line 1, column 5"):
        read_text("a = =1\nb = 2", "dev.toml", is_toml=True)
