"""Policies, whatever they say: reading raises nothing, what is not understood opens no door, denials only deny."""

import json
from functools import cache
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.access_cases.given import D1, HOME, NOBODY, document
from warden.domain.access.decision import Decision, Policies
from warden.domain.access.document import problems, read
from warden.domain.access.patterns import is_like, live
from warden.domain.access.templates import Template

contexts = st.sampled_from([D1, NOBODY])
letters = st.text("ab/*?+#[]!-^\\.$\n", max_size=12)
topics = st.text("ab/+#*", max_size=6)
patterns = st.lists(
    st.sampled_from(
        ["a", "b", "/", "*", "?", "+", "#", "${iot:ClientId}", "${iot:Connection.Thing.ThingName}", "${*}"]
    ),
    min_size=1,
    max_size=5,
).map("".join)
operations = st.sampled_from(["iot:Publish", "iot:Receive"])
conditions = st.sampled_from(
    [
        {},
        {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
        {"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "${iot:ClientId}"}},
        {"ForAllValues:StringEquals": {"iot:ConnectAttributes": ["LastWill"]}},
    ]
)
resources = st.just("*") | patterns.map(lambda pattern: HOME.iot_arn(f"topic/{pattern}"))
actions = st.sampled_from(["*", "iot:*", "iot:P*", "iot:publish", "iot:Receive"])


def statements(effect: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "Effect": st.just(effect),
            "Action": actions | st.lists(actions, min_size=1, max_size=2),
            "Resource": st.lists(resources, min_size=1, max_size=3),
            "Condition": conditions,
        }
    )


documents = st.lists(statements("Allow") | statements("Deny"), max_size=4).map(lambda given: document(*given))
questions = st.lists(st.tuples(operations, topics.map(lambda topic: HOME.iot_arn(f"topic/{topic}"))), max_size=8)

words = st.sampled_from(
    ["Version", "Statement", "Effect", "Action", "Resource", "Condition", "Sid", "Principal", "Allow", "Deny", "*",
     "2012-10-17", "iot:Publish", "iot:*", "StringEquals", "Null", "IpAddress", "iot:ClientId", "${iot:ClientId}", "d1",
     HOME.iot_arn("topic/*"), HOME.iot_arn("topic/${x}"), "true"]
)  # fmt: skip
leaves = words | st.text(max_size=5) | st.none() | st.booleans() | st.integers() | st.floats()
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=3), inner, max_size=4)
)
bent = st.tuples(statements("Allow"), st.dictionaries(words, anything, max_size=2)).map(lambda two: two[0] | two[1])


def decisions(texts: list[str], context: Any, asked: list[tuple[str, str]]) -> list[Decision]:
    policies = Policies(map(read, texts), context)
    return [policies.decide(action, resource) for action, resource in asked]


@given(st.text() | st.text('{}[]":,\\ue0n').map(lambda text: '{"Statement": ' + text), contexts, questions)
def test_no_text_raises_anything(text: str, context: Any, asked: list[tuple[str, str]]) -> None:
    problems(text)
    assert Decision.ALLOWED not in decisions([text], context, asked)


@given(anything | bent.map(lambda each: {"Version": "2012-10-17", "Statement": each}), contexts, questions)
def test_no_json_raises_anything_and_none_that_cannot_be_created_allows(
    value: Any, context: Any, asked: list[tuple[str, str]]
) -> None:
    text = json.dumps(value)
    answers = decisions([text], context, asked)
    if problems(text):
        assert Decision.ALLOWED not in answers


@given(st.lists(documents, max_size=3), statements("Deny"), contexts, questions)
def test_one_more_deny_never_allows_more(
    texts: list[str], denial: dict[str, Any], context: Any, asked: list[tuple[str, str]]
) -> None:
    before, after = decisions(texts, context, asked), decisions([*texts, document(denial)], context, asked)
    assert all(new in (old, Decision.EXPLICIT_DENY) for old, new in zip(before, after, strict=True))


@given(st.lists(documents, max_size=3), statements("Allow"), contexts, questions)
def test_one_more_allow_never_denies_more(
    texts: list[str], permission: dict[str, Any], context: Any, asked: list[tuple[str, str]]
) -> None:
    before, after = decisions(texts, context, asked), decisions([*texts, document(permission)], context, asked)
    for old, new in zip(before, after, strict=True):
        assert new is old or (old is Decision.IMPLICIT_DENY and new is Decision.ALLOWED)


@given(statements("Deny"), st.sampled_from(["Effect", "Action", "Resource", "Condition", "Sid", "NotResource"]),
       anything, contexts, questions)  # fmt: skip
def test_a_deny_that_is_no_more_understood_still_denies_what_it_denied(
    denial: dict[str, Any], member: str, value: Any, context: Any, asked: list[tuple[str, str]]
) -> None:
    altered = document(denial | {member: value})
    found = read(altered)
    if not found.problems or (member == "Condition" and any(each.conditions for each in found.statements)):
        return  # it is another Deny, or an Allow
    before, after = decisions([document(denial)], context, asked), decisions([altered], context, asked)
    for old, new in zip(before, after, strict=True):
        assert new is old or new is Decision.EXPLICIT_DENY


@given(st.lists(documents, min_size=2, max_size=3), contexts, questions, st.randoms(use_true_random=False))
def test_the_order_of_policies_changes_nothing(
    texts: list[str], context: Any, asked: list[tuple[str, str]], random: Any
) -> None:
    shuffled = random.sample(texts, len(texts))
    assert decisions(shuffled, context, asked) == decisions(texts, context, asked)


@cache
def naively_like(text: str, pattern: str) -> bool:
    """Told as the rule is: a star takes nothing, or one character and is still there."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naively_like(text, pattern[1:]) or (bool(text) and naively_like(text[1:], pattern))
    return bool(text) and pattern[0] in ("?", text[0]) and naively_like(text[1:], pattern[1:])


@given(letters | st.text(max_size=8), letters | st.text("ab*?", max_size=12) | st.text(max_size=8))
def test_matching_agrees_with_a_matcher_that_tries_every_way(text: str, pattern: str) -> None:
    assert is_like(text, live(pattern)) == naively_like(text, pattern)


def test_matching_agrees_with_it_on_every_short_text_and_pattern() -> None:
    texts = ["".join(each) for length in range(5) for each in product("ab", repeat=length)]
    patterns = ["".join(each) for length in range(6) for each in product("ab*?", repeat=length)]
    for pattern in patterns:
        assert [text for text in texts if is_like(text, pattern)] == [
            text for text in texts if naively_like(text, pattern)
        ]


@given(letters)
def test_a_pattern_without_variables_is_its_own_text(pattern: str) -> None:
    plain = Template(pattern, has_variables=False)
    assert plain.text(D1) == pattern
    assert plain.pattern(D1) == live(pattern)
