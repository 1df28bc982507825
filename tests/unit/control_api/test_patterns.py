import pytest

from warden.control_api.patterns import matcher

TAG_KEY = r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(r"[\p{Graph}\x20]*", " ~!\"'\\", id="printable ASCII and the space"),
        pytest.param(r"[^\p{Cntrl}]*", "a é\u0085\U0001f600", id="control characters are ASCII's only"),
        pytest.param(TAG_KEY, "Straße/東京=٣ Ⅷ½\u2003\u2028", id="letters, numbers and blanks of any script"),
        pytest.param(r"[\w+=,.@-]+", "policy_1,v@2", id="word characters"),
        pytest.param(r"^([1-9]|3[01])$|^LAST$", "LAST", id="alternatives with anchors"),
    ],
)
def test_a_text_matches(pattern: str, text: str) -> None:
    assert matcher(pattern)(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(r"[\p{Graph}\x20]*", "a\tb", id="a tab is not printable"),
        pytest.param(r"[\p{Graph}\x20]*", "é", id="nor is what is beyond ASCII"),
        pytest.param(r"[^\p{Cntrl}]*", "a\x7f", id="DEL is a control character"),
        pytest.param(r"[^\p{Cntrl}]*", "a\n", id="so is a line's end, also the last"),
        pytest.param(TAG_KEY, "e\u0301", id="a combining accent is no letter"),
        pytest.param(TAG_KEY, "\U0001f600", id="nor is an emoji"),
        pytest.param(TAG_KEY, "\ue000\ue001\ue002", id="nor what stands for a category"),
        pytest.param(TAG_KEY, "a\n", id="a dollar sign is the very end"),
        pytest.param(r"[\w+=,.@-]+", "é", id="a word is ASCII"),
        pytest.param(r"[a-z]+", "abc1", id="a part does not do"),
    ],
)
def test_a_text_does_not_match(pattern: str, text: str) -> None:
    assert not matcher(pattern)(text)


@pytest.mark.parametrize("pattern", [r"[\p{Lu}]", r"[\P{L}]", r"\p{L}", r"[a]\p{L}", "[é]"])
def test_what_has_no_translation_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        matcher(pattern)
