"""The local channel: how the control plane asks the data plane, which alone writes the things' logs.

One question and one answer a connection, each a length and msgpack, on a Unix socket in a directory that only this
user may enter.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from warden.domain.errors import Raced, Throttled, Unavailable

TIMEOUT_SECONDS = 15.0
LENGTH = struct.Struct(">I")
MOST_BYTES = 64 * 1024 * 1024

FAULTS = {"Raced": Raced, "Throttled": Throttled, "Unavailable": Unavailable}

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode

Answerer = Callable[[dict[str, Any]], Awaitable[Any]]

Line = Callable[[bytes, float], bytes]
"""Takes a question to the other side and brings its answer back, within so many seconds. Raises OSError."""


class Question(msgspec.Struct, frozen=True):
    """What is asked."""

    verb: str
    arguments: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """What was answered, or what went wrong: the name of an error, and its words."""

    value: Any = None
    fault: str = ""
    words: str = ""


def ask(to: Path | Line, verb: str, arguments: dict[str, Any], *, timeout: float = TIMEOUT_SECONDS) -> Any:
    """Ask the other side, and wait for its answer.

    Args:
        to: The socket, or another way there.
        verb: What is asked.
        arguments: What it needs; msgpack's types.
        timeout: Seconds to wait for the answer.

    Raises: Raced, Throttled, Unavailable as the other side raised them; Unavailable where nobody answers.
    """
    line = partial(_by_socket, to) if isinstance(to, Path) else to
    try:
        answer = msgspec.msgpack.decode(line(encode(Question(verb, arguments)), timeout), type=Answer)
    except OSError as error:
        raise Unavailable(f"the data plane does not answer: {error}") from error
    if answer.fault:
        raise FAULTS.get(answer.fault, Unavailable)(answer.words)
    return answer.value


def _by_socket(path: Path, question: bytes, timeout: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout)
        line.connect(str(path))
        line.sendall(LENGTH.pack(len(question)) + question)
        return _receive(line)


def _receive(line: socket.socket) -> bytes:
    (length,) = LENGTH.unpack(_exactly(line, LENGTH.size))
    return _exactly(line, length)


def _exactly(line: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        part = line.recv(min(65_536, length - len(found)))
        if not part:
            raise ConnectionError("the connection was closed")
        found += part
    return bytes(found)


async def answer(path: Path, answerers: dict[str, Answerer]) -> asyncio.Server:
    """Answer questions until the server is closed.

    Args:
        path: The socket; what a former process left there is removed.
        answerers: By verb.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            if length > MOST_BYTES:
                return
            told = await reply(answerers, await reader.readexactly(length))
            writer.write(LENGTH.pack(len(told)) + told)
            await writer.drain()
        except (OSError, EOFError, msgspec.DecodeError, asyncio.CancelledError):
            pass  # the asker is gone, or this process goes, and the asker knows it
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    return await asyncio.start_unix_server(serve, path)


async def reply(answerers: dict[str, Answerer], question: bytes) -> bytes:
    """The answer to one question, both as they travel. Raises msgspec.DecodeError where it is none."""
    return encode(await _answered(answerers, msgspec.msgpack.decode(question, type=Question)))


async def _answered(answerers: dict[str, Answerer], question: Question) -> Answer:
    answerer = answerers.get(question.verb)
    if answerer is None:
        return Answer(fault="Unavailable", words=f"nobody answers {question.verb!r}")
    try:
        return Answer(await answerer(question.arguments))
    except Unavailable as error:
        return Answer(fault=type(error).__name__, words=str(error))
