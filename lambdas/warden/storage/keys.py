"""The design of the two tables: what is kept under which key, and who reads it.

Table `log`, one partition a thing:

| item  | pk     | sk         | holds                                         | read by                          |
|-------|--------|------------|-----------------------------------------------|----------------------------------|
| thing | T#name | THING      | what the registry last said of the thing      | ingest, in one query with the    |
| entry | T#name | LOG#seq    | one thing that happened, and the state after  | newest entry; lists, later       |

Feed `export` of table `log`: entries with datapoints that are exported.

Index `outbox` of table `log`: entries whose transitions dispatch has not dealt with; never set in the embedded
home, whose table keeps a stream instead. Index `things`: things that were registered when the registry was asked last,
or were before that, in the order of their buckets: so those are found that the registry does not have any more.

Table `control`:

| item              | pk           | sk           | by_all         | by_profile      | by_thing       | due    |
|-------------------|--------------|--------------|----------------|-----------------|----------------|--------|
| catalogue's epoch | CATALOG      | EPOCH        |                |                 |                |        |
| profile head      | CATALOG      | PROFILE#name |                |                 |                |        |
| custom metric     | CATALOG      | METRIC#name  |                |                 |                |        |
| dimension         | CATALOG      | DIMENSION#n  |                |                 |                |        |
| page-token key    | TOKEN_KEY    | TOKEN_KEY    |                |                 |                |        |
| profile version   | PROFILE#name | V#n          |                |                 |                |        |
| attachment        | PROFILE#name | TARGET#arn   |                |                 |                |        |
| its twin          | TARGET#arn   | PROFILE#name |                |                 |                |        |
| episode           | VIO#id       | VIO          | ACTIVE#shard   | ACTIVE#p#shard  | ACTIVE_OF#t    | DUE#.. |
| event             | VIO#id       | EV#ms#type   | EV#day#shard   | EV#p#day#shard  | EV_OF#t        | DUE#.. |
| job               | JOB#id       | JOB          |                |                 |                | DUE#.. |
| cursor            | CURSOR#name  | CURSOR       |                |                 |                |        |
| stuck entry       | STUCK#t#seq  | STUCK        | STUCK          |                 |                | DUE#.. |
| delivery rule     | DELIVERY_RULES | ROLE#digest |                |                 |                |        |
| answer to a test  | TRIAL#id     | RECEIPT, ... |                |                 |                |        |
| registry pass     | PASS#name    | PASS         |                |                 |                |        |
| members, summed   | MEMBERS#g    | MEMBERS      |                |                 |                |        |
| setup's result    | SETUP#name   | SETUP        |                |                 |                |        |

An episode is in the lists while it is active, ordered by its start; an event by its time.

Every index has a partition and a sort text of its own. `due` holds what somebody has to look at again, sorted by
when: an episode's silence, an event that is not delivered, a job that is not done.

Parts of a key are escaped, since the API gives Device Defender thing names no pattern; keys compare as UTF-8 bytes.
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote
from zlib import crc32


@dataclass(frozen=True, slots=True)
class TableDesign:
    """A table: its role, the names of its indexes, and of its feeds. Index `x` has attributes `x` and `x_sort`; the
    puts that a feed is told of are read from the table's stream."""

    name: str
    indexes: tuple[str, ...]
    feeds: tuple[str, ...] = ()


OUTBOX, THINGS = "outbox", "things"
BY_ALL, BY_PROFILE, BY_THING, DUE = "by_all", "by_profile", "by_thing", "due"

EXPORT = "export"

LOG = TableDesign("log", (OUTBOX, THINGS), (EXPORT,))
CONTROL = TableDesign("control", (BY_ALL, BY_PROFILE, BY_THING, DUE))

CATALOGUE, EPOCH, TOKEN_KEY = "CATALOG", "EPOCH", "TOKEN_KEY"
THING = "THING"
ENTRY_PREFIX = "LOG#"


def join(kind: str, *parts: object) -> str:
    """A key of a kind and its parts, each escaped so that no part can look like two."""
    return "#".join((kind, *(quote(str(part), safe=":/-_. ") for part in parts)))


def split(key: str) -> tuple[str, ...]:
    """The kind and the parts that `join` was given."""
    kind, *parts = key.split("#")
    return (kind, *(unquote(part) for part in parts))


def last(prefix: str) -> str:
    """The largest key that begins with `prefix`, for a range."""
    return prefix + "\U0010ffff"


def shard(name: str, of: int) -> int:
    """Which of `of` partitions a thing's records are listed in; stable for ever."""
    return crc32(name.encode()) % of


def moment(at: int) -> str:
    """Epoch milliseconds as text that sorts by time."""
    return f"{at:015d}"


def thing(name: str) -> str:
    """The partition of all that is kept about a thing in table `log`."""
    return join("T", name)


THING_BUCKETS = 16_384
"""Parts of a fleet that are compared with the registry's each: 61 things of a million."""

THING_SHARDS = 8


def thing_bucket(name: str) -> int:
    """Which of the fleet's parts a thing is in; stable for ever."""
    return shard(name, THING_BUCKETS)


def listed_thing(name: str) -> tuple[str, str]:
    """The place of a thing in index `things`."""
    bucket = thing_bucket(name)
    return join("THINGS", bucket % THING_SHARDS), join(f"{bucket:04x}", name)


def listed_bucket(bucket: int) -> tuple[str, str, str]:
    """Where a bucket's things are in index `things`: partition, first and last sort text."""
    return join("THINGS", bucket % THING_SHARDS), f"{bucket:04x}#", last(f"{bucket:04x}#")


def entry(seq: int) -> str:
    """The sort key of a thing's log entry; sorts by sequence, and before THING."""
    return f"{ENTRY_PREFIX}{seq:012d}"


DUE_SHARDS = 8


def due(name: str, at: int, key: tuple[str, str]) -> tuple[str, str]:
    """The place in index `due` of an item that somebody has to look at again at epoch ms `at`."""
    return join("DUE", shard(name, DUE_SHARDS)), "#".join((moment(at), *key))
