"""What a boto3 client sends is what an operation gets, and what an operation returns is what the client gives back."""

import json
import math
from typing import Any

import pytest
from botocore import xform_name
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.iot import call, router, service_model
from tests.contract.strategies import values
from warden.control_api import paging
from warden.control_api.http import HttpRequest
from warden.control_api.operations import NAMES, Judge
from warden.domain.errors import InvalidRequest

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
SOME = settings(max_examples=150, deadline=None)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(data=st.data())
def test_a_call_reaches_its_operation_and_its_result_the_caller_unchanged(name: str, data: st.DataObject) -> None:
    model = service_model().operation_model(name)
    params = data.draw(values(model.input_shape), label="params") if model.input_shape else {}
    result = data.draw(values(model.output_shape), label="result") if model.output_shape else {}
    received = []

    def operation(given: dict[str, Any]) -> dict[str, Any]:
        received.append(given)
        return result

    assert call(router(**{name: operation}), xform_name(name), **params) == result
    assert received == [params]


@SOME
@given(body=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_answered_as_good_or_as_invalid(body: bytes) -> None:
    at = router(CreateSecurityProfile=lambda _: {})
    answer = at.handle(HttpRequest("POST", "/security-profiles/p", body=body))
    assert answer.status in (200, 400)
    assert isinstance(json.loads(answer.body), dict)


@SOME
@given(behaviors=JSON)
def test_a_judge_always_gets_to_judge_a_json_object(behaviors: Any) -> None:
    at = router(ValidateSecurityProfileBehaviors=Judge(lambda _, problems: {"valid": not problems}))
    body = json.dumps({"behaviors": behaviors}, allow_nan=True).encode()
    answer = at.handle(HttpRequest("POST", "/security-profile-behaviors/validate", body=body))
    assert answer.status == (200 if _is_finite(behaviors) else 400)


def _is_finite(value: Any) -> bool:
    if isinstance(value, list | dict):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


@SOME
@given(method=st.sampled_from(["GET", "PUT", "POST", "PATCH", "DELETE", ""]), path=st.text(), query=st.text())
def test_any_method_path_and_query_is_answered(method: str, path: str, query: str) -> None:
    at = router(ListViolationEvents=lambda _: {}, DescribeSecurityProfile=lambda _: {})
    assert at.handle(HttpRequest(method, path, query)).status in (400, 404, 501)
    assert at.handle(HttpRequest("GET", "/violation-events", query)).status in (200, 400)
    assert at.handle(HttpRequest("GET", f"/security-profiles/{path}", query)).status in (200, 400, 404, 501)


POSITIONS = st.recursive(
    st.none() | st.integers() | st.text(max_size=40), lambda inner: st.lists(inner, max_size=3), max_leaves=6
)
FILTERS = st.dictionaries(st.sampled_from(["thingName", "taskId", "startTime"]), st.text(max_size=8) | st.booleans())


@SOME
@given(position=POSITIONS, filters=FILTERS)
def test_a_page_token_gives_its_position_back(position: Any, filters: dict[str, Any]) -> None:
    pager = paging.Pager(b"k" * 32)
    assert pager.position("ListX", filters, pager.token("ListX", filters, position)) == position


@SOME
@given(token=st.text() | st.binary(max_size=80).map(bytes.hex))
def test_no_text_is_a_page_token_but_one_that_was_given(token: str) -> None:
    with pytest.raises(InvalidRequest, match="nextToken"):
        paging.Pager(b"k" * 32).position("ListX", {}, token)
