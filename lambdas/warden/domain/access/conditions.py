"""The conditions of policy statements: operators, and whether they hold on a connection.

Dates and binary values are left out: no key of an IoT policy has one, and what a connection may do does not change
with the clock. Source: IAM User Guide, JSON policy elements: Condition operators, and Multivalued context keys.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from warden.domain.access.patterns import is_arn_like, is_like
from warden.domain.access.templates import Misunderstood, Template
from warden.domain.access.variables import KNOWN, Context, Variable, variable
from warden.domain.behaviors.cidrs import network_of

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one value is compared with one of the policy's.

    Attributes:
        holds: Takes the connection's value, then the policy's.
        expected: What the policy's value has to be.
        is_valid: Whether it is that.
        has_wildcards: Whether the policy's value is a pattern.
        is_negated: Whether no value of the policy's may compare, in place of any.
    """

    holds: Callable[[str, str], bool]
    expected: str = "text"
    is_valid: Callable[[str], bool] = lambda _: True
    has_wildcards: bool = False
    is_negated: bool = False


class Quantifier(Enum):
    """How many of a key's values have to compare."""

    ONLY = auto()
    ALL = auto()
    ANY = auto()


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator, as its name says it.

    Attributes:
        comparison: None for Null, which asks whether there is a value.
        quantifier: ONLY for a key of one value.
        if_exists: Whether it holds where the key is absent.
    """

    comparison: Comparison | None
    quantifier: Quantifier = Quantifier.ONLY
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """An operator, a key, and the values that the policy gives for it."""

    operator: Operator
    key: Variable
    values: tuple[Template, ...]

    def holds(self, context: Context) -> bool:
        """Whether it does on a connection.

        A value with an unresolved variable compares with nothing, and a negated operator does not hold with one.
        """
        actual = self.key.values(context)
        comparison = self.operator.comparison
        if comparison is None:
            return ("false" if actual else "true") in [(value.text(context) or "").lower() for value in self.values]
        if self.operator.quantifier is Quantifier.ONLY and not actual:
            return self.operator.if_exists or (comparison.is_negated and self._resolved(context) is not None)
        if self.operator.if_exists and not actual:
            return True
        compare = self._comparing(comparison, context)
        return any(map(compare, actual)) if self.operator.quantifier is Quantifier.ANY else all(map(compare, actual))

    def _comparing(self, comparison: Comparison, context: Context) -> Callable[[str], bool]:
        if comparison.is_negated:
            values = self._resolved(context)
            return lambda actual: values is not None and not any(comparison.holds(actual, value) for value in values)
        found = [value for value in map(self._filled(context), self.values) if value is not None]
        return lambda actual: any(comparison.holds(actual, value) for value in found)

    def _resolved(self, context: Context) -> list[str] | None:
        """The policy's values; None where one of them has an unresolved variable."""
        filled = [*map(self._filled(context), self.values)]
        found = [value for value in filled if value is not None]
        return found if len(found) == len(filled) else None

    def _filled(self, context: Context) -> Callable[[Template], str | None]:
        if self.operator.comparison is not None and self.operator.comparison.has_wildcards:
            return lambda value: value.pattern(context)
        return lambda value: value.text(context)


def _numeric(holds: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda actual, value: is_number(actual) and is_number(value) and holds(float(actual), float(value))


def is_number(text: str) -> bool:
    """Whether a text is a decimal number."""
    return _NUMBER.fullmatch(text) is not None


def _is_network(text: str) -> bool:
    try:
        network_of(text)
    except ValueError:
        return False
    return True


def _is_within(actual: str, value: str) -> bool:
    """Whether an address is in a network of its own family; an IPv4-mapped one is the IPv4 address."""
    return _is_network(actual) and _is_network(value) and network_of(actual).network_address in network_of(value)


def _is_arn(text: str) -> bool:
    return text.count(":") >= 5 and text.startswith("arn:")


def _is_bool(text: str) -> bool:
    return text.lower() in ("true", "false")


_A_NUMBER: Final = "a decimal number"
_ARN = Comparison(is_arn_like, "an ARN of six parts", _is_arn, has_wildcards=True)
_POSITIVE: Final[Mapping[str, Comparison]] = {
    "StringEquals": Comparison(lambda actual, value: actual == value),
    "StringEqualsIgnoreCase": Comparison(lambda actual, value: actual.lower() == value.lower()),
    "StringLike": Comparison(is_like, has_wildcards=True),
    "ArnEquals": _ARN,
    "ArnLike": _ARN,
    "Bool": Comparison(lambda actual, value: actual.lower() == value.lower(), "true or false", _is_bool),
    "IpAddress": Comparison(_is_within, "an IP address, or one with the length of its prefix", _is_network),
    "NumericEquals": Comparison(_numeric(lambda actual, value: actual == value), _A_NUMBER, is_number),
    "NumericLessThan": Comparison(_numeric(lambda actual, value: actual < value), _A_NUMBER, is_number),
    "NumericLessThanEquals": Comparison(_numeric(lambda actual, value: actual <= value), _A_NUMBER, is_number),
    "NumericGreaterThan": Comparison(_numeric(lambda actual, value: actual > value), _A_NUMBER, is_number),
    "NumericGreaterThanEquals": Comparison(_numeric(lambda actual, value: actual >= value), _A_NUMBER, is_number),
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
}
COMPARISONS: Final[Mapping[str, Comparison]] = {
    **_POSITIVE,
    **{
        name: Comparison(of.holds, of.expected, of.is_valid, of.has_wildcards, is_negated=True)
        for name, of in ((name, _POSITIVE[positive]) for name, positive in _NEGATIONS.items())
    },
}
"""By the operator's name."""

_BY_NAME = {name.lower(): comparison for name, comparison in COMPARISONS.items()}
_OPERATOR = re.compile(r"(?:(forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?")
_QUANTIFIERS = {"forallvalues": Quantifier.ALL, "foranyvalue": Quantifier.ANY, None: Quantifier.ONLY}
OPERATORS: Final = f"{', '.join(COMPARISONS)}, each also as …IfExists, as ForAllValues:… and as ForAnyValue:…, or Null"
"""The operators there are, for who asked for another one."""


def operator(name: str) -> Operator:
    """An operator by its name, in any case. Raises Misunderstood."""
    if name.lower() == "null":
        return Operator(None)
    parts = _OPERATOR.fullmatch(name.lower())
    comparison = _BY_NAME.get(parts[2]) if parts else None
    if parts is None or comparison is None:
        raise Misunderstood(f"expected an operator out of {OPERATORS}")
    return Operator(comparison, _QUANTIFIERS[parts[1]], if_exists=parts[3] is not None)


def condition(of: Operator, key: str, values: list[str], *, has_variables: bool) -> Condition:
    """A condition out of what a policy says.

    Args:
        of: The operator.
        key: A variable's name, in any case.
        values: As texts, at least one.
        has_variables: Whether `${...}` means anything in the values.

    Raises: Misunderstood.
    """
    found = variable(key)
    if found is None:
        raise Misunderstood(f"expected a key out of {KNOWN}")
    if found.is_set and of.comparison is not None and of.quantifier is Quantifier.ONLY:
        raise Misunderstood("expected ForAllValues:… or ForAnyValue:… where a key has several values at once")
    if not values:
        raise Misunderstood("expected at least one value")
    templates = tuple(Template(value, has_variables=has_variables) for value in values)
    expected = "true or false" if of.comparison is None else of.comparison.expected
    is_valid = _is_bool if of.comparison is None else of.comparison.is_valid
    for value, template in zip(values, templates, strict=True):
        if template.is_constant and not is_valid(value):
            raise Misunderstood(f"expected {expected}")
    return Condition(of, found, templates)
