"""The locks hold to pyproject.toml, to each other, and to what is installed; none of it asks a registry."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
DEPLOY_LOCK, DEMO_LOCK, DEV_LOCK = (ROOT / f"requirements{of}.txt" for of in ("", "-demo", "-dev"))
LAYER_LOCK = ROOT / "lambdas" / "requirements.txt"
SMALLER_LOCKS = [
    pytest.param(DEPLOY_LOCK, id="the deployers' lock"),
    pytest.param(DEMO_LOCK, id="the demo's lock"),
    pytest.param(LAYER_LOCK, id="the functions' lock"),
]
LOCKS = [*SMALLER_LOCKS, pytest.param(DEV_LOCK, id="the developers' lock")]

BUILD = PROJECT["build-system"]["requires"]
DEMO = [*BUILD, *PROJECT["project"]["dependencies"], *EXTRAS["serve"], *EXTRAS["demo"]]
DEPLOY = [*BUILD, *PROJECT["project"]["dependencies"], *EXTRAS["deploy"]]
FUNCTIONS = PROJECT["dependency-groups"]["functions"]
DIRECT = [*{*DEMO, *DEPLOY, *FUNCTIONS, *EXTRAS["dev"]}]


def entries(lock: Path) -> list[str]:
    """A lock's requirements, each with its hashes, as one line; comments and blank lines left out."""
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in "\n".join(lines).replace("\\\n", "").splitlines() if entry.strip()]


def locked(lock: Path) -> dict[str, Requirement]:
    requirements = [Requirement(entry.split(" --hash")[0]) for entry in entries(lock)]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def pinned(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_exact_version_and_a_hash(lock: Path) -> None:
    for entry in entries(lock):
        assert re.fullmatch(r"[a-z0-9._-]+==[0-9][^ ;]*( ; [^\\]+?)?( +--hash=sha256:[0-9a-f]{64})+", entry)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry_and_no_place_on_the_machine_that_made_it(lock: Path) -> None:
    text = lock.read_text()
    assert not re.findall(r"://|^-.*|file:|(?<![\w.])/\w+", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        pytest.param(DEPLOY_LOCK, DEPLOY, id="the deployers' lock"),
        pytest.param(DEMO_LOCK, DEMO, id="the demo's lock"),
        pytest.param(LAYER_LOCK, FUNCTIONS, id="the functions' lock"),
        pytest.param(DEV_LOCK, DIRECT, id="the developers' lock"),
    ],
)
def test_a_lock_has_an_allowed_version_of_each_direct_dependency(lock: Path, wanted: list[str]) -> None:
    versions = {name: pinned(requirement) for name, requirement in locked(lock).items()}
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in versions
        assert requirement.specifier.contains(versions[name]), f"{requirement} is locked at {versions[name]}"


@pytest.mark.parametrize("lock", SMALLER_LOCKS)
def test_the_developers_lock_contains_the_others_at_the_same_versions(lock: Path) -> None:
    everything = locked(DEV_LOCK)
    differing = {name: entry for name, entry in locked(lock).items() if pinned(entry) != pinned(everything[name])}
    assert not differing


def test_motos_server_extra_stays_out() -> None:
    assert not {"docker", "cfn-lint", "openapi-spec-validator"} & locked(DEMO_LOCK).keys()


def test_the_functions_carry_nothing_that_only_the_command_needs() -> None:
    assert not {"click", "rich", "moto", "aws-cdk-lib"} & locked(LAYER_LOCK).keys()


def test_what_is_installed_is_what_is_locked() -> None:
    applies = [entry for entry in locked(DEV_LOCK).values() if entry.marker is None or entry.marker.evaluate()]
    differing = {entry.name: version(entry.name) for entry in applies if version(entry.name) != pinned(entry)}
    assert not differing


def test_the_dependency_page_has_one_line_for_each_direct_dependency() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted(Requirement(text).name for text in DIRECT)
