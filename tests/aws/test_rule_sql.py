"""The interpreter of AWS IoT's SQL, held to what AWS's documentation says of its functions, payloads and topics."""

from base64 import b64encode

import cbor2
import pytest

from tests.aws.rule_sql import Message, Output, UnknownSql, matches, run
from warden.rules import metrics_sql

OBJECT, TEXT, CBOR, BROKEN = b'{"color": "red", "size": 10.0}', b'"red"', cbor2.dumps({"color": "red"}), b'{"color": '
ALL = "SELECT encode(*, 'base64') AS data, topic() AS whole FROM 'a/b'"


def select(columns: str, message: Message) -> Output | None:
    return run(f"SELECT {columns} FROM '#'", message)  # noqa: S608 (no database)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("topic()", "factory/things/T/x"),
        ("topic(1)", "factory"),
        ("topic(3)", "T"),
        ("clientid()", "client"),
        ("principal()", "f00d"),
        ("timestamp()", 1_800_000_000_000),
        ("encode(*, 'base64')", b64encode(OBJECT).decode()),
    ],
)
def test_a_function_returns(expression: str, value: object) -> None:
    message = Message("factory/things/T/x", OBJECT, "client", "f00d", 1_800_000_000_000)
    assert select(f"{expression} AS it", message) == {"it": value}


def test_the_levels_of_a_reserved_topic_count_from_the_dollar() -> None:
    sql = "SELECT topic(1) AS first, topic(3) AS third FROM '$aws/things/+/x'"
    assert run(sql, Message("$aws/things/T/x", OBJECT)) == {"first": "$aws", "third": "T"}


def test_a_level_that_is_not_there_is_dropped_from_the_output() -> None:
    assert select("topic(9) AS ninth, topic(1) AS first", Message("a/b", OBJECT)) == {"first": "a"}


def test_who_publishes_over_http_has_no_client_id() -> None:
    assert select("clientid() AS client", Message("a", OBJECT)) == {"client": "n/a"}


def test_what_came_by_basic_ingest_has_lost_the_rules_name() -> None:
    message = Message("$aws/rules/mine/rest/of/topic", OBJECT)
    sql = "SELECT topic() AS whole, topic(1) AS first FROM 'elsewhere'"
    assert run(sql, message, "mine") == {"whole": "rest/of/topic", "first": "rest"}


@pytest.mark.parametrize("rule", [None, "other", "min"])
def test_what_came_by_basic_ingest_reaches_only_the_rule_that_it_names(rule: str | None) -> None:
    assert run("SELECT * FROM '#'", Message("$aws/rules/mine/a", OBJECT), rule) is None


def test_a_rule_without_from_is_reached_only_by_basic_ingest() -> None:
    sql = "SELECT * WHERE topic(1) = 'secret'"
    assert run(sql, Message("secret/1", OBJECT), "mine") is None
    assert run(sql, Message("$aws/rules/mine/guess/1", OBJECT), "mine") is None
    assert run(sql, Message("$aws/rules/mine/secret/1", OBJECT), "mine") == {"color": "red", "size": 10}


@pytest.mark.parametrize(
    ("payload", "output"),
    [
        pytest.param(OBJECT, {"color": "red", "size": 10}, id="a JSON object as is, with whole numbers whole"),
        pytest.param(TEXT, TEXT, id="a JSON string is no JSON"),
        pytest.param(b"5", b"5", id="a JSON number is no JSON"),
        pytest.param(CBOR, CBOR, id="CBOR as bytes"),
        pytest.param(BROKEN, BROKEN, id="broken JSON as bytes"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_star_is(payload: bytes, output: Output) -> None:
    assert select("*", Message("a", payload)) == output


def test_columns_are_added_to_a_json_object() -> None:
    assert select("*, topic() AS whole", Message("a", OBJECT)) == {"color": "red", "size": 10, "whole": "a"}


@pytest.mark.parametrize("payload", [TEXT, CBOR, BROKEN, b""])
def test_columns_beside_a_payload_that_is_no_object_are_refused_since_the_documentation_disagrees(
    payload: bytes,
) -> None:
    with pytest.raises(UnknownSql):
        select("*, topic() AS whole", Message("a", payload))


@pytest.mark.parametrize("payload", [OBJECT, TEXT, CBOR, BROKEN, b""])
def test_base64_takes_any_payload(payload: bytes) -> None:
    assert run(ALL, Message("a/b", payload)) == {"data": b64encode(payload).decode(), "whole": "a/b"}


@pytest.mark.parametrize(
    ("payload", "acts"), [(OBJECT, True), (b'{"color": "blue"}', False), (b"{}", False), (TEXT, False), (CBOR, False)]
)
def test_where_reads_a_member_of_a_json_object_only(payload: bytes, acts: bool) -> None:
    output = run("SELECT topic() AS t FROM 'a' WHERE color = 'red'", Message("a", payload))
    assert (output is not None) is acts


@pytest.mark.parametrize(
    ("condition", "acts"),
    [
        ("topic(1) = 'a'", True),
        ("topic(1) = 'A'", False),
        ("topic(1) <> 'a'", False),
        ("topic(1) <> 'b' AND topic(2) = 'b'", True),
        ("topic(1) <> 'b' AND topic(2) = 'c'", False),
        ("topic(3) <> 'c'", False),
    ],
)
def test_where(condition: str, acts: bool) -> None:
    assert (run(f"SELECT topic() AS t FROM 'a/b' WHERE {condition}", Message("a/b", b"")) is not None) is acts  # noqa: S608


@pytest.mark.parametrize(
    ("topic_filter", "topic", "takes"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/B", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a/b/c", False),
        ("a/+", "a", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", False),
        ("#", "a/b", True),
        ("#", "$aws/events/x", False),
        ("+/events/x", "$aws/events/x", False),
        ("$aws/events/#", "$aws/events/x/y", True),
        ("$aws/things/+/defender/metrics/+", "$aws/things/T/defender/metrics/json", True),
        ("$aws/things/+/defender/metrics/+", "$aws/things/T/defender/metrics/json/accepted", False),
    ],
)
def test_a_filter_takes_a_topic(topic_filter: str, topic: str, takes: bool) -> None:
    assert matches(topic_filter, topic) is takes
    assert (run(f"SELECT * FROM '{topic_filter}'", Message(topic, OBJECT)) is not None) is takes  # noqa: S608


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT",
        "DELETE FROM 'a'",
        "SELECT color FROM 'a'",
        "SELECT topic() FROM 'a'",
        "SELECT topic(0) AS t FROM 'a'",
        "SELECT topic(-1) AS t FROM 'a'",
        "SELECT topic() AS t, clientid() AS t FROM 'a'",
        "SELECT decode(*, 'base64') AS t FROM 'a'",
        "SELECT encode(color, 'base64') AS t FROM 'a'",
        "SELECT encode(*, 'hex') AS t FROM 'a'",
        "SELECT newuuid() AS t FROM 'a'",
        'SELECT * FROM "a"',
        "SELECT * FROM 'a/#/b'",
        "SELECT * FROM 'a+'",
        "SELECT * FROM 'a' WHERE topic(1) > 'a'",
        "SELECT * FROM 'a' WHERE topic(1) = 'a' OR topic(1) = 'b'",
        "SELECT * FROM 'a' WHERE topic(1) = 5",
        "SELECT * FROM 'a' WHERE NOT topic(1) = 'a'",
        "SET @v = 1 SELECT * FROM 'a'",
        "SELECT * FROM 'a' ;",
        "SELECT * FROM 'it\\'s'",
    ],
)
def test_what_it_does_not_know_is_refused(sql: str) -> None:
    with pytest.raises(UnknownSql):
        run(sql, Message("a", OBJECT))


def test_the_metrics_rule_takes_reports_and_not_their_replies() -> None:
    sql = metrics_sql("warden")
    report = Message("warden/things/T/defender/metrics/cbor", CBOR, "client", "f00d", 7)
    assert run(sql, report) == {
        "payload": b64encode(CBOR).decode(),
        "topic": report.topic,
        "client_id": "client",
        "principal": "f00d",
        "at": 7,
    }
    assert run(sql, Message(f"{report.topic}/accepted", b"{}")) is None
    assert run(sql, Message("$aws/things/T/defender/metrics/cbor", CBOR)) is None
