"""Lines of the log, as a program reads them."""

import json
import logging

import pytest

from warden.embedded.plane import Logs, log_as


@pytest.fixture(autouse=True)
def root() -> object:
    """The root logger without handlers, and as it was before."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def test_a_line_is_a_json_object_that_holds_whatever_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    log_as("data-plane", Logs(format="json"))
    logging.getLogger("warden.x").info("client %r\nsaid %s", 'a"b', "\u2028")
    logging.getLogger("warden.x").debug("too much")
    line, end = capsys.readouterr().err.split("\n")
    assert end == ""
    said = json.loads(line)
    assert said.pop("at").endswith("+00:00")
    assert said == {
        "process": "data-plane",
        "level": "INFO",
        "logger": "warden.x",
        "message": "client 'a\"b'\nsaid \u2028",
    }


def test_an_exception_is_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_as("supervisor", Logs(format="json", level="ERROR"))
    try:
        int("no")
    except ValueError:
        logging.getLogger("warden").exception("it failed")
    said = json.loads(capsys.readouterr().err)
    assert said["message"] == "it failed"
    assert "ValueError: invalid literal" in said["trace"]


def test_a_line_for_people_says_which_process_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    log_as("control-plane", Logs())
    logging.getLogger("warden").warning("%d things", 3)
    assert capsys.readouterr().err.endswith(" control-plane WARNING 3 things\n")
