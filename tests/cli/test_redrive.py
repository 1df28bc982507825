"""`warden redrive`: reports, and the command as a user meets it. None is lost, none is counted twice."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from tests.cli.conftest import BUCKET, EVALUATE
from tests.cli.lambda_service import LambdaService
from tests.cli.letters import TOPIC, counted, failed_invocation, failure, rule_error, send, sent_at, waiting
from warden.cli.dead_letters import Outcome
from warden.cli.main import main
from warden.cli.redrive import KINDS
from warden.cli.stage import Stage
from warden.handlers.parts import Clients, Parts

# Reports


@pytest.mark.usefixtures("evaluator")
def test_a_rules_error_is_counted_at_the_time_its_letter_was_sent(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome]
) -> None:
    send(aws, "reports", rule_error(4))
    [arrived] = sent_at(aws, "reports")
    assert redrive("reports") == Outcome("reports", done=1)
    assert counted(parts) == [(4, arrived)]
    assert waiting(aws, "reports") == []


@pytest.mark.usefixtures("evaluator")
def test_a_failed_invocation_is_counted_at_its_own_time_the_oldest_first(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome], functions: LambdaService
) -> None:
    ages = {1: 3_000_000, 2: 2_000_000, 3: 1_000_000}
    letters = [failed_invocation(number, parts.clock() - ages[number]) for number in (2, 3, 1)]
    send(aws, "reports", *letters)
    assert redrive("reports") == Outcome("reports", done=3)
    assert counted(parts) == [(number, parts.clock() - age) for number, age in ages.items()]
    assert {kind for _, kind, _ in functions.invoked} == {"Event"}


@pytest.mark.usefixtures("evaluator")
def test_a_basic_ingest_reports_topic_loses_the_rules_name(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome]
) -> None:
    send(aws, "reports", rule_error(4, topic=f"$aws/rules/thingwarden_test_metrics/{TOPIC}"))
    assert redrive("reports") == Outcome("reports", done=1)
    assert [report_id for report_id, _ in counted(parts)] == [4]


@pytest.mark.usefixtures("evaluator")
def test_what_is_redriven_twice_is_counted_once(aws: Clients, parts: Parts, redrive: Callable[..., Outcome]) -> None:
    for _ in range(2):
        send(aws, "reports", failed_invocation(1, parts.clock() - 1000))
        assert redrive("reports").done == 1
    assert len(counted(parts)) == 1
    assert redrive("reports") == Outcome("reports")


@pytest.mark.parametrize(
    ("letter", "reason"),
    [
        pytest.param("not JSON", "it is no JSON", id="no JSON"),
        pytest.param("[1]", "it is no JSON object", id="no object"),
        pytest.param("{}", "it is neither a topic rule's error nor a failed invocation", id="neither form"),
        pytest.param(rule_error(1, topic="news"), "its topic is not one of metrics reports", id="another topic"),
        pytest.param(
            failed_invocation(1, 1, function="thingwarden-test-reconcile"),
            "it is a failed invocation of thingwarden-test-reconcile, not of thingwarden-test-evaluate",
            id="another function",
        ),
        pytest.param(
            json.dumps({**json.loads(rule_error(1)), "base64OriginalPayload": "%"}),
            "its payload is no base64",
            id="no base64",
        ),
        pytest.param(
            json.dumps({**json.loads(failed_invocation(1, 1)), "requestPayload": {"payload": ""}}),
            "its event is not what the metrics rules select: Object missing required field `topic`",
            id="half an event",
        ),
    ],
)
@pytest.mark.usefixtures("evaluator")
def test_poison_is_left_with_the_reason_and_keeps_nothing_else(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome], letter: str, reason: str
) -> None:
    send(aws, "reports", letter, failed_invocation(2, parts.clock() - 1000))
    outcome = redrive("reports")
    assert (outcome.done, outcome.left) == (1, {reason: 1})
    assert [report_id for report_id, _ in counted(parts)] == [2]
    assert waiting(aws, "reports") == [letter]


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param((403, "AccessDeniedException"), id="not allowed"),
        pytest.param((404, "ResourceNotFoundException"), id="no such function"),
        pytest.param((429, "TooManyRequestsException"), id="throttled, also the last time"),
    ],
)
@pytest.mark.usefixtures("evaluator")
def test_what_lambda_does_not_take_stays_and_can_be_seen_at_once(
    aws: Clients,
    redrive: Callable[..., Outcome],
    functions: LambdaService,
    refusal: tuple[int, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    letters = [rule_error(1), rule_error(2)]
    send(aws, "reports", *letters)
    functions.refuse = refusal
    outcome = redrive("reports")
    assert outcome.done == 0
    assert refusal[1] in outcome.stopped
    assert sorted(waiting(aws, "reports")) == sorted(letters)


@pytest.mark.usefixtures("evaluator")
def test_a_report_too_large_for_lambda_is_left_and_the_others_go_on(
    aws: Clients, redrive: Callable[..., Outcome], functions: LambdaService
) -> None:
    send(aws, "reports", rule_error(1))
    functions.refuse = (413, "RequestTooLargeException")
    outcome = redrive("reports")
    assert outcome.stopped == ""
    assert [reason.split(" bytes ")[1] for reason in outcome.left] == [
        "are too large for an invocation of thingwarden-test-evaluate"
    ]
    functions.refuse = None
    assert redrive("reports").done == 1


@pytest.mark.usefixtures("evaluator")
def test_a_dry_run_changes_nothing(
    aws: Clients, parts: Parts, redrive: Callable[..., Outcome], functions: LambdaService
) -> None:
    aws("s3").put_object(Bucket=BUCKET, Key="1", Body=failure([{"eventName": "INSERT"}]))
    send(aws, "reports", rule_error(1), "poison")
    outcome = redrive("reports", dry_run=True)
    assert (outcome.done, outcome.left) == (1, {"it is no JSON": 1})
    assert redrive("stream", dry_run=True).done == 1
    assert (functions.invoked, counted(parts)) == ([], [])
    assert len(waiting(aws, "reports")) == 2
    assert aws("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


def test_more_letters_than_fit_into_a_round_are_all_dealt_with(
    aws: Clients,
    redrive: Callable[..., Outcome],
    functions: LambdaService,
) -> None:
    functions.functions[EVALUATE] = lambda _: None
    send(aws, "reports", "poison", *(failed_invocation(n, n) for n in range(1, 31)))
    outcome = redrive("reports", at_once=10)
    assert (outcome.done, outcome.left) == (30, {"it is no JSON": 1})
    assert waiting(aws, "reports") == ["poison"]


# The command


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["redrive", *arguments])
    return result.exit_code, result.output


@pytest.mark.usefixtures("functions")
def test_the_command_says_what_was_done_and_ends_with_1_while_something_is_left(aws: Clients, stage: Stage) -> None:
    send(aws, "registry", '{"thing": "pump-7"}', "poison")
    code, output = run("--stage", "test", "--queue", "registry")
    assert code == 1
    assert output.splitlines()[1].split() == ["registry", "1", "1", "1", "x", "it", "is", "no", "JSON"]
    aws("sqs").purge_queue(QueueUrl=stage.dead_registry_queue)
    code, output = run("--stage", "test", "--json")
    nothing = [{"queue": kind, "done": 0, "left": [], "stopped": ""} for kind in KINDS]
    assert (code, json.loads(output)) == (0, {"dryRun": False, "queues": nothing})


@pytest.mark.usefixtures("stage")
def test_lambda_out_of_reach_ends_with_3_and_loses_nothing(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    send(aws, "reports", rule_error(1))
    code, output = run("--stage", "test", "--queue", "reports")
    assert code == 3
    assert "127.0.0.1:1" in output
    assert len(waiting(aws, "reports")) == 1


@pytest.mark.usefixtures("stage")
def test_a_stage_that_is_not_there_ends_with_3_and_the_command_that_deploys_it() -> None:
    code, output = run("--stage", "other")
    assert code == 3
    assert "no stage 'other' in account 123456789012, us-east-1" in output
    assert """set "stage": "other" in cdk.json, in the context "thingwarden", and run: make deploy""" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "which stage? Give --stage NAME", id="no stage"),
        pytest.param(["--stage", "Test"], "'Test' is not a small letter", id="no stage's name"),
        pytest.param(["--stage", "test", "--queue", "x"], "'x' is not one of 'reports', 'alerts'", id="no queue"),
    ],
)
@pytest.mark.usefixtures("stage")
def test_a_mistake_ends_with_2_and_names_what_is_allowed(arguments: list[str], said: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert said in output
