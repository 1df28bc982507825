"""An asyncio loop that a test drives by hand."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class HandDrivenLoop(asyncio.SelectorEventLoop):
    """A loop whose time stands still, and which runs only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    @contextmanager
    def running(self) -> Iterator[None]:
        """What the block does, it does as if the loop had called it."""
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def turn(self) -> None:
        """Do what is ready, not what that makes ready."""
        self.call_soon(self.stop)
        self.run_forever()

    def settle(self) -> None:
        """Do what is ready until nothing is; what is due later stays undone."""
        for _ in range(200):
            self.turn()

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.settle()
