"""Whatever profile there is: what is exported says what is there, and makes it anew where it is gone."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.homes import empty
from tests.cli.running import warden
from tests.home import ACCOUNT, REGION, ROLE, Home

# Printing characters of all kinds, some of which YAML, a terminal or Unicode take for something
GRAPHIC = st.text("az AZ09 :#-?!&*[]{}|>'\"%@`,~/\\=.<é中\U0001f600", max_size=30)
PRINTING = st.text("azAZ09 :#-?!&*[]{}|>'\"%@`,~/\\=.<", max_size=30)
NAMES = st.text("azAZ09:_-", min_size=1, max_size=20)
WORDS = st.sampled_from(["no", "on", "null", "~", "1e3", "0o17", "22:22", "true", "-", "007", ".5", "2026-11-23"])
NUMBERS = st.floats(-1e300, 1e300, allow_nan=False) | st.integers(-(2**40), 2**40)

COUNTED = st.fixed_dictionaries(
    {
        "metric": st.just("aws:all-bytes-out"),
        "criteria": st.fixed_dictionaries(
            {
                "comparisonOperator": st.sampled_from(["less-than", "greater-than-equals"]),
                "value": st.fixed_dictionaries({"count": st.integers(0, 2**63 - 1)}),
                "durationSeconds": st.sampled_from([300, 3600]),
            },
            optional={"consecutiveDatapointsToAlarm": st.integers(1, 10)},
        ),
    },
    optional={"suppressAlerts": st.booleans(), "exportMetric": st.booleans()},
)
PORTS = st.fixed_dictionaries(
    {
        "metric": st.just("aws:listening-tcp-ports"),
        "criteria": st.fixed_dictionaries(
            {
                "comparisonOperator": st.just("in-port-set"),
                "value": st.fixed_dictionaries({"ports": st.lists(st.integers(0, 65535), max_size=4)}),
            }
        ),
    }
)
TEXTS = st.fixed_dictionaries(
    {
        "metric": st.just("firmware"),
        "criteria": st.fixed_dictionaries(
            {
                "comparisonOperator": st.just("in-set"),
                "value": st.fixed_dictionaries({"strings": st.lists(GRAPHIC | WORDS, min_size=1, max_size=3)}),
            }
        ),
    }
)
LEVELS = st.fixed_dictionaries(
    {
        "metric": st.just("level"),
        "criteria": st.fixed_dictionaries(
            {"comparisonOperator": st.just("greater-than"), "value": st.fixed_dictionaries({"number": NUMBERS})}
        ),
    }
)
KEPT = st.fixed_dictionaries({"metric": st.just("aws:all-packets-in")})
BEHAVIORS = st.dictionaries(NAMES | WORDS.filter(str.isalnum), COUNTED | PORTS | TEXTS | LEVELS | KEPT, max_size=3).map(
    lambda named: [{"name": name, **rest} for name, rest in named.items()]
)
TARGET = {"alertTargetArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:pager", "roleArn": ROLE}
PROFILES = st.fixed_dictionaries(
    {"securityProfileName": NAMES},
    optional={
        "securityProfileDescription": PRINTING | WORDS,
        "behaviors": BEHAVIORS,
        "alertTargets": st.sampled_from([{}, {"SNS": TARGET}]),
        "additionalMetricsToRetain": st.lists(st.sampled_from(["aws:all-bytes-in", "level"]), unique=True),
        "additionalMetricsToRetainV2": st.lists(
            st.fixed_dictionaries(
                {"metric": st.sampled_from(["aws:all-bytes-out", "aws:num-messages-sent"])},
                optional={
                    "exportMetric": st.booleans(),
                    "metricDimension": st.just({"dimensionName": "topics", "operator": "NOT_IN"}),
                },
            ),
            max_size=2,
        ),
        "metricsExportConfig": st.just({"mqttTopic": "exports/№1: all", "roleArn": ROLE}),
        "tags": st.dictionaries(NAMES, WORDS | st.just(""), max_size=3).map(
            lambda tags: [{"Key": key, "Value": value} for key, value in tags.items()]
        ),
    },
)
TARGETS = st.lists(st.sampled_from(["all/things", "all/registered-things", "all/unregistered-things"]), unique=True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PROFILES, TARGETS)
def test_applying_what_was_exported_changes_nothing_and_brings_back_what_is_gone(
    home: Home, profile: dict[str, Any], targets: list[str]
) -> None:
    iot, name = home.client("iot"), profile["securityProfileName"]
    empty(iot)
    iot.create_custom_metric(metricName="firmware", metricType="string-list", clientRequestToken="a")
    iot.create_custom_metric(metricName="level", metricType="number", clientRequestToken="a")
    iot.create_dimension(name="topics", type="TOPIC_FILTER", stringValues=["a/#"], clientRequestToken="a")
    iot.create_security_profile(**profile)
    for target in targets:
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:{target}"
        iot.attach_security_profile(securityProfileName=name, securityProfileTargetArn=arn)
    before = _described(iot, name)
    exported = warden("export", "--", name)
    assert exported.exit_code == 0
    assert warden("apply", "--check", "-", stdin=exported.output.encode()).output == "Nothing to change.\n"
    iot.delete_security_profile(securityProfileName=name)
    assert warden("apply", "--yes", "-", stdin=exported.output.encode()).exit_code == 0
    assert _described(iot, name) == before


def _described(iot: Any, name: str) -> dict[str, Any]:
    """All that the API says of a profile, but for when, and for what it may leave out where it is empty."""
    found = iot.describe_security_profile(securityProfileName=name)
    arn = found["securityProfileArn"]
    found["tags"] = sorted(iot.list_tags_for_resource(resourceArn=arn)["tags"], key=lambda tag: str(tag["Key"]))
    attached = iot.list_targets_for_security_profile(securityProfileName=name)["securityProfileTargets"]
    found["targets"] = sorted(each["arn"] for each in attached)
    times = ("ResponseMetadata", "creationDate", "lastModifiedDate")
    return {member: value for member, value in found.items() if value and member not in times}
