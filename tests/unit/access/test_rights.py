"""What policies let a client do, row by row."""

import pytest

from tests.access_cases import CASES
from tests.access_cases.given import HOME, Case, Try
from warden.domain.access.decision import Decision, Policies
from warden.domain.access.document import problems, read
from warden.domain.access.rights import Rights


def decided(documents: tuple[str, ...], tried: Try) -> Decision:
    rights = Rights(Policies(map(read, documents), tried.context), HOME, tried.context.client_id or "")
    if tried.operation == "connect":
        return rights.may_connect(tried.on, retain=tried.retain)
    assert tried.on is not None
    if tried.operation == "publish":
        return rights.may_publish(tried.on, retain=tried.retain)
    return rights.may_subscribe(tried.on) if tried.operation == "subscribe" else rights.may_receive(tried.on)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_the_policies_decide_as_aws_iot_does(case: Case) -> None:
    assert decided(case.documents, case.tried) is case.tried.expected


def test_every_document_of_the_table_could_be_created() -> None:
    assert {text: problems(text) for case in CASES for text in case.documents if problems(text)} == {}


def test_the_rows_have_different_names() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
