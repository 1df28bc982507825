"""`warden outbox`: what a home's topics would have sent, as a list, as it comes, and one message whole."""

import json
from typing import Any

import pytest

from tests.cli.homes import home, shared_home
from tests.cli.running import following, rows, warden
from tests.home import Home
from tests.surroundings.home import free_port
from warden.cli.outbox import PAGE, followed, newest

__all__ = ["home", "shared_home"]  # fixtures


def send(home: Home, number: str, *messages: str) -> None:
    for message in messages:
        home.client("sns").publish(PhoneNumber=number, Message=message)


def listed(*arguments: str) -> list[dict[str, Any]]:
    found = warden("outbox", "--json", *arguments)
    assert found.exit_code == 0, found.output
    letters: list[dict[str, Any]] = json.loads(found.stdout)["letters"]
    return letters


def test_letters_are_listed_newest_first_with_whom_they_are_for(home: Home) -> None:
    topic = home.client("sns").create_topic(Name="listed")["TopicArn"]
    home.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="listed@example.org")
    send(home, "+15555550101", "hello")
    sms, email = rows(warden("outbox", "--limit", "2").output)
    assert sms[2:] == ["sms", "+15555550101", "hello"]
    assert email[2:] == ["email", "listed@example.org", "listed", "AWS Notification - Subscription Confirmation"]
    assert int(sms[0]) == int(email[0]) + 1


def test_a_list_has_only_those_that_were_asked_for(home: Home) -> None:
    send(home, "+15555550102", "one", "two", "three")
    assert len(listed("--to", "+15555550102")) == 3
    assert len(listed("--to", "+15555550102", "--limit", "2")) == 2
    assert listed("--to", "+15555550102", "--protocol", "email") == []
    newest_first = [each["id"] for each in listed("--to", "+15555550102")]
    assert newest_first == sorted(newest_first, reverse=True)


def test_an_outbox_without_such_a_letter_says_so(home: Home) -> None:
    assert home
    found = warden("outbox", "--to", "nobody@example.org")
    assert (found.exit_code, found.output) == (0, "The outbox has no such letter.\n")


def test_one_letter_is_shown_whole(home: Home) -> None:
    topic = home.client("sns").create_topic(Name="whole")["TopicArn"]
    home.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="whole@example.org")
    (letter,) = listed("--to", "whole@example.org")
    shown = warden("outbox", str(letter["id"])).output.splitlines()
    assert shown[1] == "to          whole@example.org (email)"
    assert shown[2] == f"topic       {topic}"
    assert "subject     AWS Notification - Subscription Confirmation" in shown
    assert [line for line in shown if line.startswith(f"{home.url}/?Action=ConfirmSubscription&TopicArn=")]
    whole = json.loads(warden("outbox", str(letter["id"]), "--json").output)
    assert whole["body"].startswith("You have chosen to subscribe to the topic:\n")
    assert {**letter, "body": whole["body"]} == whole


def test_what_a_letter_says_cannot_act_on_the_terminal(home: Home) -> None:
    send(home, "+15555550103", "red \x1b[31m\nand more")
    (letter,) = listed("--to", "+15555550103")
    assert warden("outbox", str(letter["id"])).output.splitlines()[-2:] == ["red \\x1b[31m", "and more"]


def test_followed_what_is_there_comes_first_and_then_each_as_it_comes(home: Home) -> None:
    number = "+15555550104"
    send(home, number, "one", "two")
    with following("outbox", "--to", number, "--follow", "--json", "--endpoint", home.url) as follower:
        before = [json.loads(follower.line())["id"] for _ in range(2)]
        send(home, number, "three")
        after = json.loads(follower.line())["id"]
        assert follower.interrupt() == 0
        assert follower.rest() == []
    assert [*before, after] == [each["id"] for each in reversed(listed("--to", number))]


def test_followed_a_line_says_when_to_whom_and_its_id(home: Home) -> None:
    send(home, "+15555550105", "hello")
    (letter,) = listed("--to", "+15555550105")
    with following("outbox", "--to", "+15555550105", "--follow", "--endpoint", home.url) as follower:
        line = follower.line()
        assert follower.interrupt() == 0
    assert line.endswith(f"  sms         +15555550105: hello  ({letter['id']})")


class Pages:
    """A home with so many letters, which counts how often it is asked."""

    def __init__(self, count: int) -> None:
        self.count, self.asked = count, 0

    def __call__(self, *, limit: int = PAGE, before: int = 10**6, after: int = -1) -> list[dict[str, Any]]:
        self.asked += 1
        ids = [each for each in range(1, self.count + 1) if after < each < before]
        return [{"id": each} for each in (ids[:limit] if after >= 0 else ids[::-1][:limit])]


def test_a_long_list_is_brought_page_by_page_and_no_further_than_asked() -> None:
    pages = Pages(2 * PAGE + 5)
    assert [each["id"] for each in newest(pages, PAGE + 1)] == list(range(2 * PAGE + 5, PAGE + 4, -1))
    assert pages.asked == 2
    assert len(newest(pages, 10_000)) == 2 * PAGE + 5


def test_none_is_shown_twice_and_none_left_out_while_following() -> None:
    pages = Pages(3)
    looks = followed(pages, 2)
    assert [each["id"] for each in next(looks)] == [2, 3]
    assert next(looks) == []
    pages.count = PAGE + 10
    assert [each["id"] for each in next(looks)] == list(range(4, PAGE + 4))
    assert [each["id"] for each in next(looks)] == list(range(PAGE + 4, PAGE + 11))
    assert next(looks) == []


def test_a_letter_that_is_not_there_ends_with_1(home: Home) -> None:
    assert home
    found = warden("outbox", "999999999")
    assert (found.exit_code, found.stderr) == (1, "Error: there is no letter 999999999 in the outbox\n")


@pytest.mark.parametrize(
    "arguments",
    [["x"], ["0"], ["1", "--follow"], ["1", "--to", "a"], ["--limit", "0"], ["--protocol", "fax"]],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_usage(arguments: list[str]) -> None:
    assert warden("outbox", *arguments).exit_code == 2


def test_a_stage_has_no_outbox(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDEN_STAGE", "prod")
    assert warden("outbox").exit_code == 0, "WARDEN_ENDPOINT names a home"
    monkeypatch.delenv("WARDEN_ENDPOINT")
    found = warden("outbox")
    assert found.exit_code == 2
    assert "name a local home by --endpoint" in found.stderr
    assert warden("outbox", "--endpoint", home.url).exit_code == 0


@pytest.mark.parametrize("arguments", [[], ["1"], ["--follow"]], ids=["list", "one", "follow"])
def test_a_home_that_does_not_answer_ends_with_3(arguments: list[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = warden("outbox", *arguments, "--endpoint", url)
    assert found.exit_code == 3
    assert found.stderr.startswith(f"Error: {url} does not answer")
    assert found.stderr.endswith("Start it: warden serve\n")


def test_a_proxy_that_is_configured_is_not_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert home
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert warden("outbox").exit_code == 0


def test_help_has_examples_and_exit_codes() -> None:
    output = warden("outbox", "--help").output
    assert "Examples:\n    warden outbox\n" in output
    assert "Exit codes: 0 " in output
