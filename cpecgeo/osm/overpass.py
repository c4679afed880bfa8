"""Requests to Overpass: sent by osmnx, with retries and a cache.

osmnx writes and sends the queries, in its download-only mode. Each answer is checked before osmnx
sees it. Waiting times stated by a server are respected, incomplete answers are refused, and
complete ones are stored in the user's cache with their date.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import shapely

from cpecgeo.catalogue import data_version
from cpecgeo.catalogue.files import read_checked, write_checked
from cpecgeo.errors import DataError, FileError, InputError, MissingExtraError, NetworkError
from cpecgeo.files.disk import cache_dir

if TYPE_CHECKING:
    from requests import Response

__all__ = ["ENDPOINTS", "Overpass", "Reply"]

ENDPOINTS = (
    "https://overpass-api.de/api",
    "https://overpass.private.coffee/api",
    "https://maps.mail.ru/osm/tools/overpass/api",
)
_BUSY = {429, 502, 503, 504}
# osmnx's settings are global in a process, so requests are made one at a time.
_ONE_AT_A_TIME = threading.Lock()
_LEVEL = "admin_level="
_SLOT = re.compile(r"in (-?\d+) seconds")


@dataclass(frozen=True)
class Reply:
    """Overpass's answer to a query.

    Attributes
    ----------
    query : str
        The query as sent.
    endpoint : str
    retrieved : str
        Time of the request, UTC.
    snapshot : str or None
        The date of the database, as stated in the answer.
    content : dict
        The JSON.
    """

    query: str
    endpoint: str
    retrieved: str
    snapshot: str | None
    content: dict[str, Any]


class _Refused(Exception):  # noqa: N818 - only raised through osmnx
    """An answer without data; `wait_s` is the server's waiting time, `final` rules out a retry."""

    def __init__(self, reason: str, wait_s: float | None = None, *, final: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.final = final


@dataclass(frozen=True)
class Overpass:
    """Settings of requests to Overpass.

    Parameters
    ----------
    endpoints : tuple of str
        Base addresses, without ``/interpreter``, tried in this order.
    timeout_s : float
        Seconds until an answer begins, and between its parts; also sent to the server.
    tries : int
        Rounds over all endpoints.
    backoff_s : float
        Pause before the second round; doubled before each further one.
    patience_s : float
        The longest pause at a server's request. If a server asks for more, the next endpoint is
        tried, and in the end the error says when to try again.
    max_age_days : float
        Cached answers up to this age are used in place of a request; 0 uses none.
    sleep, now : callable
        For tests: a pause in seconds, and the time in UTC.

    Notes
    -----
    After the statuses 429, 503 and 504 the next request waits: for ``Retry-After``, else until the
    next free slot on the server's status page, else for the backoff. An answer with a remark that
    the query ran out of time or memory is a failure, although its status is 200.

    osmnx's settings are global. They are set for each request and restored after it, under a lock;
    another thread that uses osmnx at that moment would see ours.
    """

    endpoints: tuple[str, ...] = ENDPOINTS
    timeout_s: float = 180.0
    tries: int = 3
    backoff_s: float = 5.0
    patience_s: float = 120.0
    max_age_days: float = 30.0
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    def __post_init__(self) -> None:
        if isinstance(self.endpoints, str) or not self.endpoints:
            raise InputError("endpoints must be a tuple of addresses, one at least.")
        if not (self.timeout_s > 0 and self.tries >= 1 and self.backoff_s >= 0):
            raise InputError("timeout_s must be above 0, tries 1 or more, backoff_s 0 or more.")

    def ask(self, area: shapely.Polygon, filters: tuple[str, ...]) -> list[Reply]:
        """Request the ways in an area that some filters accept, with their nodes.

        Parameters
        ----------
        area : Polygon
            lon, lat. osmnx adds 500 m on all sides.
        filters : tuple of str
            Overpass way filters, such as ``'["railway"="rail"]'``; a request for each.

        Raises
        ------
        NetworkError
            No endpoint gave a complete answer.
        MissingExtraError
            osmnx isn't installed.
        """
        return [self._one(area, text) for text in filters]

    def ask_boundaries(self, area: shapely.Polygon, level: str) -> Reply:
        """Request the complete administrative boundaries of one level that touch an area.

        `level` is the value of `admin_level`; errors are those of `ask`.
        """
        return self._one(area, f"{_LEVEL}{level}")

    def _one(self, area: shapely.Polygon, text: str) -> Reply:
        key = hashlib.sha256(f"{text}\n{shapely.to_wkt(area, 6)}".encode()).hexdigest()[:32]
        path = cache_dir() / "overpass" / f"{key}.bin"
        kept = self._recall(path)
        if kept is not None:
            return kept
        answer = self._fetch(area, text)
        record = {
            name: getattr(answer, name) for name in ("query", "endpoint", "retrieved", "snapshot")
        }
        write_checked(path, record, json.dumps(answer.content).encode())
        return answer

    def _recall(self, path: Path) -> Reply | None:
        """Return a cached answer that is recent enough and complete, else None."""
        if self.max_age_days <= 0 or not path.is_file():
            return None
        try:
            record, body = read_checked(path)
        except (DataError, FileError):
            return None  # a damaged answer is requested again
        age = self.now() - dt.datetime.fromisoformat(record["retrieved"])
        if age > dt.timedelta(days=self.max_age_days):
            return None
        return Reply(**record, content=json.loads(body))

    def _fetch(self, area: shapely.Polygon, text: str) -> Reply:
        said: list[str] = []
        offline = True
        for turn in range(self.tries):
            for place, endpoint in enumerate(self.endpoints):
                try:
                    return self._send(endpoint, area, text)
                except _Refused as refusal:
                    offline = False
                    said.append(f"{endpoint}: {refusal}")
                    if refusal.final:
                        raise NetworkError(f"Overpass can't answer: {said[-1]}.") from None
                    last = place == len(self.endpoints) - 1
                    self._pause(refusal.wait_s, turn, last=last)
                except OSError as error:
                    offline = offline and not _has_answered(error)
                    said.append(f"{endpoint}: {type(error).__name__}")
                    if place == len(self.endpoints) - 1:
                        self._pause(None, turn, last=True)
        tried = "; ".join(dict.fromkeys(said))
        if offline:
            raise NetworkError(
                f"No Overpass server can be reached ({tried}). Is this machine offline? A local "
                "extract does the same: give file='….osm.pbf'."
            )
        raise NetworkError(
            f"Overpass gave no whole answer in {self.tries} rounds ({tried}). Try later, or give "
            "file='….osm.pbf'. What was refreshed before is still in place."
        )

    def _pause(self, wait_s: float | None, turn: int, *, last: bool) -> None:
        """Wait for the server's time, or for the backoff between rounds."""
        if turn == self.tries - 1 and last:
            return
        if wait_s is not None and wait_s <= self.patience_s:
            self.sleep(wait_s)
        elif last:
            self.sleep(self.backoff_s * 2**turn)

    def _send(self, endpoint: str, area: shapely.Polygon, text: str) -> Reply:
        """Send one request to one endpoint, through osmnx."""
        osmnx = _osmnx()
        caught: list[Reply] = []

        def look(response: Response, *_: object, **__: object) -> Any:
            if response.request.method == "POST":
                caught.append(self._check(response, endpoint))
            return response

        with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
            ours = {
                "overpass_url": endpoint,
                "overpass_rate_limit": False,  # handled here
                "overpass_settings": f"[out:json][timeout:{math.ceil(self.timeout_s)}]{{maxsize}}",
                "requests_timeout": self.timeout_s,
                "requests_kwargs": {"hooks": {"response": look}},
                "http_user_agent": f"cpecgeo/{data_version()} with osmnx {osmnx.__version__}",
                "max_query_area_size": 1e13,  # areas are cut to size already
                "doh_url_template": None,
                "use_cache": True,
                "cache_only_mode": True,
                "cache_folder": folder,
                "log_console": False,
                "log_file": False,
            }
            # In download-only mode osmnx raises this when it has finished.
            with _settings(osmnx.settings, ours), suppress(InterruptedError):
                if text.startswith(_LEVEL):
                    osmnx.features_from_polygon(area, {"admin_level": text.removeprefix(_LEVEL)})
                else:
                    osmnx.graph_from_polygon(area, custom_filter=text, retain_all=True)
        return caught[-1]

    def _check(self, response: Response, endpoint: str) -> Reply:
        """Return an answer if it is complete, else raise `_Refused`."""
        status = response.status_code
        if status in _BUSY:
            raise _Refused(f"{status} {response.reason}", self._wait(response, endpoint))
        if status != 200:
            raise _Refused(f"{status} {response.reason}", final=status in {400, 403, 414})
        try:
            content = json.loads(response.content)
        except ValueError:
            page = response.content.lstrip()[:1] == b"<"
            raise _Refused("a web page, not JSON" if page else "JSON that breaks off") from None
        if not isinstance(content, dict) or not isinstance(content.get("elements"), list):
            raise _Refused("JSON without elements")
        remark = str(content.get("remark", ""))
        if "error" in remark or "timed out" in remark:
            raise _Refused(remark)
        sent = response.request.body
        sent = sent.decode() if isinstance(sent, bytes) else str(sent)
        return Reply(
            query=parse_qs(sent).get("data", [""])[0],
            endpoint=endpoint,
            retrieved=self.now().isoformat(timespec="seconds"),
            snapshot=content.get("osm3s", {}).get("timestamp_osm_base"),
            content=content,
        )

    def _wait(self, response: Response, endpoint: str) -> float | None:
        """Return the seconds that a busy server wants us to wait."""
        import requests

        stated = response.headers.get("Retry-After", "")
        if stated.strip().isdigit():
            return float(stated)
        if response.status_code != 429:
            return None
        try:
            page = requests.get(f"{endpoint}/status", timeout=min(self.timeout_s, 30)).text
        except requests.RequestException:
            return None
        waits = [max(0.0, float(s)) for s in _SLOT.findall(page)]
        return min(waits) if waits else None


def _has_answered(error: OSError) -> bool:
    """Return whether a server was reached but broke off or was too slow."""
    import requests

    return isinstance(
        error, (requests.ReadTimeout, requests.exceptions.ChunkedEncodingError)
    ) or "RemoteDisconnected" in repr(error)


def _osmnx() -> Any:
    try:
        import osmnx
    except ImportError as error:
        raise MissingExtraError(
            "Asking Overpass needs osmnx: pip install 'cpecgeo[osm]'."
        ) from error
    return osmnx


@contextmanager
def _settings(settings: ModuleType, ours: dict[str, Any]) -> Iterator[None]:
    """Set osmnx's options for our requests, and restore them afterwards.

    osmnx also replaces socket.getaddrinfo to pin the server's address; that is undone too.
    """
    with _ONE_AT_A_TIME:
        before = {name: getattr(settings, name) for name in ours}
        lookup = socket.getaddrinfo
        for name, value in ours.items():
            setattr(settings, name, value)
        try:
            yield
        finally:
            socket.getaddrinfo = lookup
            for name, value in before.items():
                setattr(settings, name, value)
