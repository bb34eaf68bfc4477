"""The cookie by which a browser comes back: made for a token, which it does not tell.

A browser sends a cookie to all ports of a host, whoever serves them. Who gets it so can ask this
server, at this name, until the token is revoked or thirty days are over; the token he has not.
"""

import contextlib
import hmac
import os
import secrets
import tempfile
import time
from functools import cached_property
from pathlib import Path

SECONDS = 30 * 24 * 3600
KEY_BYTES = 32
FILE = "cookie-key"


class Cookies:
    """Makes cookies, and knows those that it made.

    Args:
        folder: Where the key lies; readable by its owner alone, and in no database.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str, stored: str) -> str:
        """The value of the cookie of a name, for the token whose hash is stored as this."""
        expires = int(time.time()) + SECONDS
        return f"{expires}.{self._signed(name, stored, expires)}"

    def fits(self, name: str, value: str, stored: str) -> bool:
        """Whether this value was made so, and is still good."""
        expires, _, signature = value.partition(".")
        if not (expires.isascii() and expires.isdecimal() and len(expires) < 20):
            return False
        expected = self._signed(name, stored, int(expires))
        is_ours = hmac.compare_digest(signature.encode(), expected.encode())
        return is_ours and time.time() < int(expires)

    def _signed(self, name: str, stored: str, expires: int) -> str:
        return hmac.digest(self._key, f"{name} {stored} {expires}".encode(), "sha256").hex()

    @cached_property
    def _key(self) -> bytes:
        """That of all servers on this folder; where none can be kept there, one of our own."""
        key, file = secrets.token_bytes(KEY_BYTES), self._folder / FILE
        with contextlib.suppress(OSError):
            with tempfile.NamedTemporaryFile(dir=self._folder) as new:
                new.write(key)
                new.flush()
                with contextlib.suppress(FileExistsError):  # whole, or not there at all
                    os.link(new.name, file)
            kept = file.read_bytes()
            return kept if len(kept) == KEY_BYTES else key
        return key
