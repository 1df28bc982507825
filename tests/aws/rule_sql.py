"""AWS IoT's SQL, version 2016-03-23, as far as our rules use it: what a rule's action gets of a message.

    SELECT * | encode(*, 'base64') | topic() | topic(n) | clientid() | principal() | timestamp()   [AS name], …
    FROM 'filter'                          left out where a rule is for Basic Ingest only
    WHERE value = | <> value AND …         values: a function of the above, 'text', or a member of a JSON payload

Everything else is refused, and so is what AWS's documentation says two things about: `*` beside other columns where
the payload is no JSON object. Source: Developer Guide, SQL reference, Working with binary payloads, Basic Ingest.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, cast

BASIC_INGEST = "$aws/rules/"

Output = dict[str, Any] | bytes


class UnknownSql(ValueError):
    """This interpreter does not know what AWS would make of it."""


@dataclass(frozen=True)
class Message:
    """A message as a client publishes it; `at` is epoch ms. What comes over HTTP has the client id `n/a`."""

    topic: str
    payload: bytes
    client_id: str = "n/a"
    principal: str = "n/a"
    at: int = 0


class _Undefined:
    """A value that is not there."""


UNDEFINED = _Undefined()

Value = Callable[[Message], Any]


@dataclass(frozen=True)
class Column:
    """One of a SELECT list; its value is None for `*`."""

    value: Value | None
    name: str


@dataclass(frozen=True)
class Comparison:
    left: Value
    equal: bool
    right: Value

    def holds(self, message: Message) -> bool:
        """Whether it is true; with a value that is not there, neither `=` nor `<>` is."""
        left, right = self.left(message), self.right(message)
        if UNDEFINED in (left, right):
            return False
        return (left == right) is self.equal


@dataclass(frozen=True)
class Rule:
    columns: tuple[Column, ...]
    filter: str | None
    conditions: tuple[Comparison, ...]


def run(sql: str, message: Message, basic_ingest_rule: str | None = None) -> Output | None:
    """What a rule hands to its actions, or None where it does not act.

    Args:
        sql: The rule's.
        message: What was published.
        basic_ingest_rule: The rule's name: then it also acts on what is published below `$aws/rules/NAME/`, whatever
            its FROM says, and sees the topic that follows.

    Raises: UnknownSql.
    """
    rule = parse(sql)
    if message.topic.startswith(BASIC_INGEST):
        own = f"{BASIC_INGEST}{basic_ingest_rule}/"
        if basic_ingest_rule is None or not message.topic.startswith(own):
            return None
        message = Message(
            message.topic.removeprefix(own), message.payload, message.client_id, message.principal, message.at
        )
    elif rule.filter is None or not matches(rule.filter, message.topic):
        return None
    if not all(condition.holds(message) for condition in rule.conditions):
        return None
    return _output(rule.columns, message)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a filter takes a topic. Of MQTT's rules, AWS IoT lacks one: `a/#` does not take `a`."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        wanted.pop()
        if len(levels) <= len(wanted):
            return False
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(one in ("+", other) for one, other in zip(wanted, levels, strict=True))


def parse(sql: str) -> Rule:
    """Raises UnknownSql."""
    tokens = _Tokens(sql)
    tokens.expect("SELECT")
    columns = [_column(tokens)]
    while tokens.accept(","):
        columns.append(_column(tokens))
    topic_filter = _filter(tokens) if tokens.accept("FROM") else None
    conditions = []
    if tokens.accept("WHERE"):
        conditions.append(_comparison(tokens))
        while tokens.accept("AND"):
            conditions.append(_comparison(tokens))
    tokens.end()
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        raise UnknownSql(f"{sql}: one name for several columns")
    return Rule(tuple(columns), topic_filter, tuple(conditions))


_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\]*')|(?P<word>[A-Za-z_][A-Za-z_0-9]*)|(?P<number>[0-9]+)|(?P<mark><>|[*(),=]))"
)


class _Tokens:
    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens = list(self._split(sql.rstrip()))

    def _split(self, sql: str) -> Iterator[str]:
        position = 0
        while position < len(sql):
            found = _TOKEN.match(sql, position)
            if found is None:
                raise UnknownSql(f"{sql}: at {sql[position : position + 20]!r}")
            yield found[found.lastgroup or 0]
            position = found.end()

    def take(self) -> str:
        if not self._tokens:
            raise UnknownSql(f"{self._sql}: it ends too soon")
        return self._tokens.pop(0)

    def accept(self, token: str) -> bool:
        """Keywords may be written small."""
        if self._tokens and self._tokens[0].upper() == token:
            self._tokens.pop(0)
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise UnknownSql(f"{self._sql}: expected {token} before {' '.join(self._tokens[:3])}")

    def text(self) -> str:
        token = self.take()
        if not token.startswith("'"):
            raise UnknownSql(f"{self._sql}: expected a text in single quotes, not {token}")
        return token[1:-1]

    def end(self) -> None:
        if self._tokens:
            raise UnknownSql(f"{self._sql}: at {' '.join(self._tokens[:3])}")


def _column(tokens: _Tokens) -> Column:
    if tokens.accept("*"):
        return Column(None, "*")
    value = _function(tokens.take(), tokens)
    tokens.expect("AS")
    return Column(value, _name(tokens.take()))


def _name(token: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", token):
        raise UnknownSql(f"{token} is no name")
    return token


def _filter(tokens: _Tokens) -> str:
    topic_filter = tokens.text()
    levels = topic_filter.split("/")
    if "#" in levels[:-1] or any(len(level) > 1 and {"+", "#"} & {*level} for level in levels):
        raise UnknownSql(f"{topic_filter} is no topic filter")
    return topic_filter


def _comparison(tokens: _Tokens) -> Comparison:
    left = _operand(tokens)
    operator = tokens.take()
    if operator not in ("=", "<>"):
        raise UnknownSql(f"the operator {operator}")
    return Comparison(left, operator == "=", _operand(tokens))


def _operand(tokens: _Tokens) -> Value:
    token = tokens.take()
    if token.startswith("'"):
        return lambda _: token[1:-1]
    if tokens._tokens[:1] == ["("]:
        return _function(token, tokens)
    name = _name(token)
    return lambda message: _member(message, name)


def _member(message: Message, name: str) -> Any:
    payload = _json(message.payload)
    return payload.get(name, UNDEFINED) if isinstance(payload, dict) else UNDEFINED


def _function(name: str, tokens: _Tokens) -> Value:
    tokens.expect("(")
    match name.lower():
        case "topic":
            token = tokens.take()
            if token == ")":
                return lambda message: message.topic
            if not token.isdigit() or token == "0":
                raise UnknownSql(f"topic({token})")
            tokens.expect(")")
            return lambda message: _segment(message.topic, int(token))
        case "encode":
            for part in ("*", ","):
                tokens.expect(part)
            if tokens.text() != "base64":
                raise UnknownSql("encode to anything but base64")
            tokens.expect(")")
            return lambda message: base64.b64encode(message.payload).decode()
        case "clientid" | "principal" | "timestamp":
            tokens.expect(")")
            attribute = {"clientid": "client_id", "principal": "principal", "timestamp": "at"}[name.lower()]
            return lambda message: getattr(message, attribute)
    raise UnknownSql(f"the function {name}()")


def _segment(topic: str, n: int) -> str | _Undefined:
    levels = topic.split("/")
    return levels[n - 1] if n <= len(levels) else UNDEFINED


def _output(columns: tuple[Column, ...], message: Message) -> Output:
    payload: Any = {}
    if any(column.value is None for column in columns):
        payload = _json(message.payload)
        if not isinstance(payload, dict):
            if len(columns) > 1:
                raise UnknownSql("* beside other columns, of a payload that is no JSON object")
            return message.payload
    values = {column.name: column.value(message) for column in columns if column.value is not None}
    return cast("Output", {**payload, **{name: value for name, value in values.items() if value is not UNDEFINED}})


def _json(payload: bytes) -> Any | Literal[False]:
    """The payload as the rules engine reads it: whole decimals become integers. False for no JSON."""
    try:
        return json.loads(payload, parse_float=_number)
    except ValueError:
        return False


def _number(text: str) -> int | float:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)
