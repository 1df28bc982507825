"""ARNs are compared part by part."""

import pytest

from warden.domain.access.patterns import is_arn_like


@pytest.mark.parametrize(
    ("arn", "pattern", "expected"),
    [
        pytest.param("arn:aws:iot:r:1:x/a:b", "arn:aws:iot:*:?:x/*", True, id="a pattern in each part"),
        pytest.param("arn:aws:iot:r:1:x", "arn:aws:*", False, id="a star reaches no further than its part"),
        pytest.param("arn:aws:iot:r:1", "arn:aws:iot:r:1:*", False, id="an ARN that lacks a part"),
        pytest.param("arn:aws:iot:r:1:x", "arn:aws:iot:r:1", False, id="a pattern that lacks a part"),
        pytest.param("arn:aws:iot:r:1:X", "arn:aws:iot:r:1:x", False, id="case counts"),
    ],
)
def test_an_arn_is_like_a_pattern(arn: str, pattern: str, expected: bool) -> None:
    assert is_arn_like(arn, pattern) is expected
