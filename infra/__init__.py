"""The AWS home as CDK constructs: one for each path through the system, wired in `stacks`."""
