"""What Lambda gets: built by pip from the lock for arm64, whole, nothing beside it, and the same each time."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PathDistribution
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag
from packaging.utils import canonicalize_name

import app
from tests.house.test_lock import LAYER_LOCK, locked
from tests.infra.conftest import Template, of_type
from tests.once import once

pytestmark = pytest.mark.unmeasured  # a copy of the tree would count as files of its own

ROOT = Path(__file__).parents[2]
PYTHON = (3, 13)
# Lambda's python3.13 runs on Amazon Linux 2023, whose glibc is 2.34.
MACHINE = ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(34, 16, -1))]
MOST_BYTES = 250_000_000  # unzipped, function and layers together
AARCH64 = 183  # e_machine of an ELF file


@dataclass(frozen=True)
class Built:
    """A deployment's assets, as `cdk deploy` would upload them."""

    template: Template
    code: Path
    layer: Path

    @property
    def packages(self) -> Path:
        return self.layer / "python"

    def files(self) -> Iterator[Path]:
        for asset in (self.code, self.layer):
            yield from (path for path in asset.rglob("*") if path.is_file())

    def names(self) -> Iterator[Path]:
        for asset in (self.code, self.layer):
            yield from (path.relative_to(asset) for path in asset.rglob("*"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    out = once(tmp_path_factory, "assets", _synthesise)
    [stack] = [path.name.removesuffix(".assets.json") for path in out.glob("*.assets.json")]
    files = json.loads((out / f"{stack}.assets.json").read_text())["files"].values()
    of = {
        file["displayName"].rsplit("/")[-2]: out / file["source"]["path"]
        for file in files
        if "/" in file["displayName"]
    }
    template = json.loads((out / f"{stack}.template.json").read_text())
    return Built(template, of["Function"], of["Layer"])


def _synthesise(out: Path) -> None:
    made = app.App(context={"thingwarden": {"stage": "test", "heartbeat_minutes": 15}}, outdir=str(out))
    app.build(made)
    made.synth()


def test_functions_get_the_package_without_the_edges_that_run_elsewhere(built: Built) -> None:
    package = ROOT / "lambdas" / "warden"
    elsewhere = ("cdk", "cli", "clients", "embedded", "__main__.py")
    expected = {
        path.relative_to(package.parent)
        for path in package.rglob("*")
        if path.is_file()
        and not _is_cache(path.relative_to(package))
        and path.relative_to(package).parts[0] not in elsewhere
    }
    assert {path.relative_to(built.code) for path in built.code.rglob("*") if path.is_file()} == expected


def _is_cache(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def test_nothing_is_in_it_that_no_function_runs(built: Built) -> None:
    assert {path.name for path in built.layer.iterdir()} == {"python"}
    for path in built.names():
        assert path.suffix != ".pyc"
        assert not {"__pycache__", "tests", "test", "bin"} & {*path.parts}, path


def test_every_handler_is_a_function_of_a_file_in_it(built: Built) -> None:
    handlers = [each["Properties"]["Handler"] for each in of_type(built.template, "AWS::Lambda::Function").values()]
    assert len(handlers) == 11
    for handler in handlers:
        module, _, name = handler.rpartition(".")
        source = (built.code / f"{module.replace('.', '/')}.py").read_text()
        assert name in {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}, handler


def distributions(packages: Path) -> list[PathDistribution]:
    return [PathDistribution(path) for path in packages.glob("*.dist-info")]


def test_the_layer_holds_the_versions_of_the_lock_and_no_other_package(built: Built) -> None:
    versions = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions(built.packages)}
    assert versions == {name: str(each.specifier).removeprefix("==") for name, each in locked(LAYER_LOCK).items()}


def test_each_package_of_the_layer_is_for_lambdas_python_and_machine(built: Built) -> None:
    takes = {*cpython_tags(PYTHON, platforms=MACHINE), *compatible_tags(PYTHON, "cp313", platforms=MACHINE)}
    for each in distributions(built.packages):
        tags = {tag for line in str(each.read_text("WHEEL")).splitlines() for tag in tags_of(line)}
        assert tags & takes, f"{each.metadata['Name']}: {', '.join(map(str, tags))}"


def tags_of(line: str) -> frozenset[Tag]:
    key, _, value = line.partition(": ")
    return parse_tag(value) if key == "Tag" else frozenset()


def test_each_library_of_the_layer_is_for_arm64(built: Built) -> None:
    libraries = [path for path in built.files() if ".so" in path.suffixes]
    assert libraries
    for library in libraries:
        header = library.read_bytes()[:20]
        assert (header[:4], int.from_bytes(header[18:20], "little")) == (b"\x7fELF", AARCH64), library


def test_it_is_far_smaller_than_lambda_allows(built: Built) -> None:
    size = sum(path.stat().st_size for path in built.files())
    print(f"functions and layer: {size / 1e6:.0f} MB of {MOST_BYTES / 1e6:.0f} MB, unzipped")
    assert size < MOST_BYTES


HASHES = """
import json, sys
import app
from aws_cdk import App, Stack, aws_lambda
from infra.code import ARCHITECTURE, RUNTIME, Layer, functions_code

for edited in ["", *sys.argv[1:]]:
    if edited:
        open(edited, "a").write("\\n# edited\\n")
    assembly = App(context={"aws:cdk:bundling-stacks": []})
    stack = Stack(assembly, "stack")
    Layer(stack, "Layer", name="layer")
    aws_lambda.Function(
        stack, "Function", code=functions_code(), runtime=RUNTIME, architecture=ARCHITECTURE, handler="x.y"
    )
    made = assembly.synth().get_stack_by_name("stack").template["Resources"].values()
    of = {each["Type"]: each["Properties"] for each in made}
    print(of["AWS::Lambda::Function"]["Code"]["S3Key"], of["AWS::Lambda::LayerVersion"]["Content"]["S3Key"])
"""
"""The keys of both assets, functions and layer: of the tree as it is, and after each of some files was edited."""


def test_an_asset_is_another_one_only_where_what_is_in_it_is(tmp_path: Path) -> None:
    """The key of an asset says whether `cdk deploy` uploads it, and brings functions to a new start."""
    for part in ("lambdas", "infra"):
        copytree(ROOT / part, tmp_path / part, ignore=ignore_patterns("__pycache__", "*.egg-info", "node_modules"))
    (tmp_path / "app.py").write_bytes((ROOT / "app.py").read_bytes())
    beside = ["tests/test_x.py", "docs/x.md", "lambdas/README.md", "lambdas/warden/__pycache__/x.pyc"]
    beside += ["lambdas/warden/.mypy_cache/x.json"]
    beside += ["lambdas/thingwarden.egg-info/PKG-INFO", "lambdas/warden/cli/main.py", "app.py"]
    for file in beside:
        (tmp_path / file).parent.mkdir(exist_ok=True)
    edited = [*beside, "lambdas/warden/settings.py", "lambdas/requirements.txt"]
    path = {"PYTHONPATH": f"{tmp_path}:{tmp_path / 'lambdas'}", "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        [sys.executable, "-c", HASHES, *edited],
        cwd=tmp_path,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=True,
    )
    first, *after = [tuple(line.split()) for line in told.stdout.splitlines()]
    *unchanged, (code, layer), (last_code, last_layer) = after
    assert {*unchanged} == {first}
    assert (code != first[0], layer) == (True, first[1])
    assert (last_code, last_layer != first[1]) == (code, True)
