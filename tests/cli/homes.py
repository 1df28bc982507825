"""A home that the command's tests share, emptied of profiles before each."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.home import Home, running


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("command") / "data") as started:
        yield started


@pytest.fixture
def home(shared_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home that commands find by WARDEN_ENDPOINT; it has no profile, metric or dimension."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "WARDEN_STAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WARDEN_ENDPOINT", shared_home.url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    empty(shared_home.client("iot"))
    return shared_home


def empty(iot: Any) -> None:
    """Delete every profile, custom metric and dimension."""
    for page in iot.get_paginator("list_security_profiles").paginate():
        for each in page["securityProfileIdentifiers"]:
            iot.delete_security_profile(securityProfileName=each["name"])
    for page in iot.get_paginator("list_custom_metrics").paginate():
        for name in page["metricNames"]:
            iot.delete_custom_metric(metricName=name)
    for page in iot.get_paginator("list_dimensions").paginate():
        for name in page["dimensionNames"]:
            iot.delete_dimension(name=name)
