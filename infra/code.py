"""What is deployed: the package `warden` as one asset for all functions, other people's packages as one layer."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling, aws_lambda
from constructs import Construct

ROOT = Path(__file__).parent.parent
LAMBDAS = ROOT / "lambdas"
LOCK = LAMBDAS / "requirements.txt"

PYTHON = "3.13"
RUNTIME = aws_lambda.Runtime.PYTHON_3_13
ARCHITECTURE = aws_lambda.Architecture.ARM_64
# Both, since some wheels exist for one only: without the second, pip silently takes old versions.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_28_aarch64")

EXCLUDED = [
    "requirements.txt",
    "*.md",
    "*.egg-info",
    "**/.*",  # caches of editors and checkers
    "**/__pycache__",
    "**/*.pyc",
    *(f"warden/{edge}" for edge in ("cdk", "cli", "clients", "embedded", "__main__.py")),
]
"""Edges that do not run in Lambda."""


def functions_code() -> aws_lambda.Code:
    """The package, less what does not run in Lambda."""
    return aws_lambda.Code.from_asset(str(LAMBDAS), exclude=EXCLUDED)


def install(into: Path, *platforms: str, python: str = PYTHON, lock: Path = LOCK) -> None:
    """Install a lock, the functions' one, into a folder that is not there yet.

    Args:
        into: The folder.
        platforms: For which, in pip's words; this machine and the Python that runs where there are none.
        python: Version, where platforms are given.
        lock: Requirements with hashes.

    Raises: subprocess.CalledProcessError, with pip's own words on stderr.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--no-deps", "--no-compile", "--only-binary", ":all:"]
    if platforms:
        command += ["--python-version", python, "--implementation", "cp"]
        command += [part for platform in platforms for part in ("--platform", platform)]
    subprocess.run([*command, "--target", str(into), "--requirement", str(lock)], check=True)  # noqa: S603
    shutil.rmtree(into / "bin", ignore_errors=True)  # commands, which name this machine's Python


@jsii.implements(ILocalBundling)
class _Pip:
    """Installs without Docker. The CDK calls it with its options by position."""

    def try_bundle(self, output_dir: str, *_: Any, **__: Any) -> bool:
        """Install into `output_dir`; always says that it did."""
        install(Path(output_dir) / "python", *PLATFORMS)
        return True


class Layer(aws_lambda.LayerVersion):
    """The functions' lock, for arm64, as a layer."""

    def __init__(self, scope: Construct, id: str, *, name: str) -> None:  # noqa: A002
        super().__init__(
            scope,
            id,
            layer_version_name=name,
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            code=aws_lambda.Code.from_asset(
                str(LAMBDAS),
                exclude=["*", "!requirements.txt"],
                asset_hash_type=AssetHashType.SOURCE,  # the lock says all, but for whom
                bundling=BundlingOptions(
                    image=DockerImage.from_registry("unused"),
                    command=[PYTHON, *PLATFORMS],  # never run, but part of the hash
                    local=_Pip(),
                ),
            ),
        )
