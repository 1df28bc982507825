"""Documents as YAML that `yaml_read` reads back as they were, and that any other reader of YAML takes as well."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from warden.cli.files.yaml_read import CONSTANTS, DECIMAL, INTEGER

_NEVER_FOLDED = 1_000_000


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or our reader would take for something else than text, and escapes what a terminal would
    obey or hide."""

    allow_unicode: bool

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 (its own name)
        """Lists are indented below their key."""
        super().increase_indent(flow, indentless=False)

    def analyze_scalar(self, scalar: str) -> Any:
        """See the emitter: what cannot be shown as it is needs double quotes."""
        kept, self.allow_unicode = self.allow_unicode, self.allow_unicode and scalar.isprintable()
        try:
            return super().analyze_scalar(scalar)
        finally:
            self.allow_unicode = kept

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """See the emitter."""
        kept, self.allow_unicode = self.allow_unicode, self.allow_unicode and text.isprintable()
        super().write_double_quoted(text, split)
        self.allow_unicode = kept


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = text not in CONSTANTS and not INTEGER.fullmatch(text) and not DECIMAL.fullmatch(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


_Dumper.add_representer(str, _text)


def as_yaml(document: Mapping[str, Any]) -> str:
    """One document, its members in their order, each scalar on one line."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_FOLDED)


def as_file(documents: Iterable[Mapping[str, Any]]) -> str:
    """Documents, one below the other."""
    return "---\n".join(map(as_yaml, documents))
