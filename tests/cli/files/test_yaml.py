"""Files are input like any other: what is hostile or ambiguous in YAML is refused, with the line."""

from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from warden.cli.files.yaml_read import DEEPEST, MOST_BYTES, Unreadable, parse
from warden.cli.files.yaml_write import as_file, as_yaml

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        pytest.param(BOMB, 1, "anchors and aliases", id="an alias bomb"),
        pytest.param("a: *nowhere\n", 1, "anchors and aliases", id="an alias of nothing"),
        pytest.param("a: 1\n<<: &base {b: 2}\n", 2, "anchors and aliases", id="a merge key with an anchor"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is here twice", id="a key twice"),
        pytest.param("a:\n  - b: 1\n    b: 2\n", 3, "the key 'b' is here twice", id="a key twice in a list"),
        pytest.param("a: !!python/object/apply:os.system [id]\n", 1, "tags such as", id="a tag that runs a program"),
        pytest.param("a: 1\nb: !!binary aGk=\n", 2, "tags such as", id="a tag of YAML's own"),
        pytest.param("? [a, b]\n: 1\n", 1, "a key is a text", id="a list as a key"),
        pytest.param("? {a: b}\n: 1\n", 1, "a key is a text", id="a mapping as a key"),
        pytest.param("a: 1\nb: [\n", 3, "", id="a list that never ends"),
        pytest.param("a: 1\n\tb: 2\n", 2, "", id="a tab as indentation"),
        pytest.param("a: 'x\n", 2, "", id="a quote that never ends"),
        pytest.param("a: 1\nb: \x1b[2J\n", 2, "a control character", id="an escape sequence"),
        pytest.param("a: \x00\n", 1, "a control character", id="a zero byte"),
        pytest.param("[" * 5000, 1, f"at most {DEEPEST} deep", id="deep lists"),
        pytest.param("{a: " * 5000, 1, f"at most {DEEPEST} deep", id="deep mappings"),
        pytest.param("- " * 5000 + "x", 1, f"at most {DEEPEST} deep", id="deep block lists"),
        pytest.param("%YAML 9.9\n---\na: 1\n", 1, "", id="a version to come"),
    ],
)
def test_hostile_yaml_is_refused_with_its_line(text: str, line: int, why: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(text.encode())
    assert refused.value.line == line
    assert why in refused.value.why


def test_what_is_not_utf_8_or_too_big_is_refused() -> None:
    with pytest.raises(Unreadable, match="line 2: this is not UTF-8"):
        parse(b"a: 1\nb: \xff\n")
    with pytest.raises(Unreadable, match=f"at most {MOST_BYTES} bytes"):
        parse(b"#" * (MOST_BYTES + 1))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("22:22", "22:22"),
        ("2026-11-23", "2026-11-23"),
        ("0o17", "0o17"),
        ("0x16", "0x16"),
        ("1_000", "1_000"),
        ("::1", "::1"),
        (".inf", ".inf"),
        ("=", "="),
        ("'5'", "5"),
        ('"null"', "null"),
        ("~", None),
        ("", None),
        ("True", True),
        ("false", False),
        ("007", 7),
        ("-5", -5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("9" * 41, 1e41),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_only_null_truth_and_decimals_are_not_text(written: str, value: Any) -> None:
    [found] = parse(f"a: {written}\n".encode())
    assert found.value == {"a": value}
    assert type(found.value["a"]) is type(value)


def test_values_know_their_lines() -> None:
    [first, second] = parse(b"a:\n  - b: 1\n  -\n    c: 2\n---\n\nd: {e: [1,\n  2]}\n---\n")
    assert first.lines == {(): 1, ("a",): 1, ("a", 0): 2, ("a", 0, "b"): 2, ("a", 1): 4, ("a", 1, "c"): 4}
    assert second.lines == {(): 7, ("d",): 7, ("d", "e"): 7, ("d", "e", 0): 7, ("d", "e", 1): 8}


def test_a_byte_order_mark_and_windows_line_ends_are_taken() -> None:
    [found] = parse(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    assert found.value == {"a": 1, "b": "x"}


TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [
        "no",
        "y",
        "~",
        "null",
        "1e3",
        "0o17",
        "22:22",
        ".5",
        "5.",
        "=",
        "<<",
        "",
        " ",
        "- a",
        "#",
        "\u202e",
        "\u2028",
        "\ufeff",
    ]
)
SCALARS = TEXT | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10)


@given(st.lists(st.dictionaries(TEXT, VALUES, min_size=1), max_size=3))
def test_what_is_written_is_read_again_by_us_and_by_any_reader(documents: list[dict[str, Any]]) -> None:
    text = as_file(documents)
    assert [each.value for each in parse(text.encode())] == documents
    assert list(yaml.safe_load_all(text)) == documents


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_that_is_written_can_act_on_a_terminal(text: str) -> None:
    assert all(line.isprintable() for line in as_yaml({"a": text, text: 1}).splitlines())


@given(st.binary(max_size=200) | st.text("[]{}:,-&*!|>'\"%@`#? \n\tab1", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(Unreadable):
        parse(data)
