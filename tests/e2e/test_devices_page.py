"""docs/devices.md: its commands work as they are written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.home import Home, running

PAGE = Path(__file__).parents[2] / "docs" / "devices.md"
AWS_CLI = shutil.which("aws")


def commands(home: Home) -> str:
    """The page's bash blocks, one after the other, with this home's ports in place of the usual ones."""
    script = "".join(re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    for written, here in (
        ("http://127.0.0.1:8080", home.url),
        ('"127.0.0.1", 8883', f'"127.0.0.1", {home.mqtts_port}'),
    ):
        assert script.count(written) == 1
        script = script.replace(written, here)
    return script


@pytest.mark.skipif(AWS_CLI is None, reason="there is no AWS CLI here")
def test_a_device_connects_with_a_certificate_as_the_page_says(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WARDEN_"))}
    data = tmp_path / ".local" / "share" / "thingwarden"
    data.parent.mkdir(parents=True)
    with running(data) as home:
        shell = {
            **kept,
            "HOME": str(tmp_path),
            "AWS_PAGER": "",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the page's $PWD is not the checkout here
            "WARDEN_ENDPOINT": home.url,
            "WARDEN_AGENT_PORT": str(home.mqtts_port),
        }
        done = subprocess.run(
            ["/bin/bash", "-eu", "-o", "pipefail"],
            input=commands(home),
            cwd=tmp_path,
            env=shell,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "  accepted    report " in done.stdout
        assert "Listening TCP Ports" in done.stdout, "`warden violations` has it"
        assert "\nSuccess\n" in done.stdout
        assert home.active() == [], "the report by paho has cleared it"
        assert "is the certificate ACTIVE there?" in done.stderr
        assert done.stdout.endswith("exit code 3\n")
    assert (tmp_path / "pump-7.key").stat().st_mode & 0o077 == 0


def test_every_link_of_the_page_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target
