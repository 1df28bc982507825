"""`make demo`: this machine's real metrics raise and clear a real alarm, beside whatever else runs here."""

import argparse
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from stage import Stage, StepFailed
from story import tell

LOG_LINES = 12
INTERRUPTED = 130
NEXT = """\
# the same, to stay, on ports 8080 and 1883
.venv/bin/warden serve
# what it has found, with the AWS CLI and without an account
aws iot list-active-violations --no-sign-request \\
    --region us-east-1 --endpoint-url http://127.0.0.1:8080
# every promise, tested
make test
"""


def main() -> int:
    """Run the demo. Returns 0 only where every step happened, 1 where one did not, 130 where it was interrupted."""
    arguments = _arguments()
    _forget_surroundings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    stage = Stage(arguments.patience)
    stage.heading("Thingwarden: a real report, a real alarm, on this machine", "bold blue")
    stage.heading("→ what a client sends   ← what it received   ✓ what that shows", "dim")
    directory = Path(tempfile.mkdtemp(prefix="thingwarden-demo-"))
    log, code = directory / "warden-serve.log", 1
    try:
        code = _perform(stage, shlex.split(arguments.serve_command), directory / "data", log)
    finally:
        if code == 1 and log.exists():
            shutil.rmtree(directory / "data", ignore_errors=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return code


def _perform(stage: Stage, command: Sequence[str], data: Path, log: Path) -> int:
    started = time.monotonic()
    try:
        tell(stage, command, data, log)
    except StepFailed as failed:
        _say_what_failed(stage, failed, log)
        return 1
    except KeyboardInterrupt:
        stage.blank()
        stage.heading(f"Interrupted in step {stage.number}; warden serve was stopped and its data removed.", "yellow")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 (whatever it is, the audience gets a sentence, and the log the rest)
        with log.open("a") as file:
            traceback.print_exc(file=file)
        _say_what_failed(stage, StepFailed("no error", f"{type(error).__name__}: {error}"), log)
        return 1
    stage.blank()
    stage.heading(f"All {stage.number} steps happened, in {time.monotonic() - started:.1f} s.", "bold green")
    stage.heading("warden serve was stopped and its data removed.")
    _say_what_next(stage)
    return 0


def _say_what_failed(stage: Stage, failed: StepFailed, log: Path) -> None:
    stage.blank()
    stage.heading(f"✗ Step {stage.number} did not happen: {stage.title}", "bold red")
    stage.say(f"expected  {failed.expected}")
    stage.say(f"seen      {failed.seen}")
    if log.exists():
        stage.heading("The log of warden serve, and its last lines:")
        stage.verbatim(str(log))
        for line in log.read_text(errors="replace").splitlines()[-LOG_LINES:]:
            stage.excerpt(line)


def _say_what_next(stage: Stage) -> None:
    stage.blank()
    stage.heading("Next")
    for line in NEXT.splitlines():
        stage.verbatim(line, "dim" if line.startswith("#") else "cyan")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--serve-command",
        metavar="COMMAND",
        default=shlex.join([str(Path(sys.executable).with_name("warden")), "serve"]),
        help="what is shown at work (default: %(default)s)",
    )
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=float,
        default=10,
        help="how long clients wait for what they should receive (default: %(default)s)",
    )
    return parser.parse_args()


def _forget_surroundings() -> None:
    """Drop what the user's environment says to AWS clients and to `warden serve`: the demo is about neither."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "WARDEN_")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


if __name__ == "__main__":
    sys.exit(main())
