"""Any sequence of calls has the same answers from each table as from a dict."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.conftest import NewTable
from tests.adapters.model import ModelTable
from tests.adapters.strategies import Call, reads, single_writes, transactions
from warden.domain.errors import Raced
from warden.ports import Table


def _answer(call: Call, table: Table) -> Any:
    try:
        return call[1](table)
    except Raced:
        return "Raced"


def _agree(new_table: NewTable, calls: st.SearchStrategy[Call], examples: int) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(st.lists(calls, min_size=5, max_size=40))
    def check(sequence: list[Call]) -> None:
        table, model = new_table(), ModelTable()
        for call in sequence:
            assert _answer(call, table) == _answer(call, model), call[0]

    check()


def test_sqlite_answers_as_a_dict_does(on_sqlite: NewTable) -> None:
    _agree(on_sqlite, single_writes | transactions | reads, 150)


def test_dynamodb_answers_as_a_dict_does_by_moto(on_moto: NewTable) -> None:
    _agree(on_moto, single_writes | transactions | reads, 20)


def test_dynamodb_answers_as_a_dict_does_by_dynalite_which_has_no_transactions(on_dynalite: NewTable) -> None:
    _agree(on_dynalite, single_writes | reads, 20)
