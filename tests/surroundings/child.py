"""A home in a process of its own, to be killed: prints its URL, then serves."""

import sys
import threading
from pathlib import Path

from tests.surroundings.home import Home

if __name__ == "__main__":
    home = Home(Path(sys.argv[1]))
    sys.stdout.write(home.url + "\n")
    sys.stdout.flush()
    threading.Event().wait()
