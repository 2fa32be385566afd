"""The pictures that clients name, such as their logos, cached for a while in this process."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from oidcserver import clock
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.types import FetchCause, RemoteDocuments

#: Seconds for which a picture is used, and for which an address without one is not asked again.
MAX_AGE, FAILURE_AGE = 86400, 300
#: URLs that are remembered; each picture has the size of a fetched document at most, 64 kilobytes.
MAX_PICTURES = 100
#: The first bytes of the accepted types. SVG is not accepted: it may have scripts.
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_ACCEPT = "image/png, image/jpeg, image/webp, image/gif"


class Picture(NamedTuple):
    """A picture and its media type; without content, the URL has none."""

    media_type: str = ""
    content: bytes = b""


class RemotePictures:
    """The pictures behind URLs. One object serves every thread.

    :param max_pictures: URLs that are remembered; the least recently used is dropped first.
    """

    def __init__(self, documents: RemoteDocuments, max_pictures: int = MAX_PICTURES) -> None:
        self._documents = documents
        self._max_pictures = max_pictures
        self._known: OrderedDict[str, tuple[Picture, int]] = OrderedDict()  # and until when
        self._lock = threading.Lock()

    def known(self, url: str) -> Picture | None:
        """Return a remembered picture, without a fetch; None if the URL has to be fetched."""
        with self._lock:
            picture, until = self._known.get(url, (None, 0))
            if picture is None or clock.now() >= until:
                return None
            self._known.move_to_end(url)
            return picture

    def fetch(self, url: str, cause: FetchCause) -> Picture:
        """Fetch the picture at a URL and remember it, or that there is none.

        :param cause: who makes the server fetch it, and for which client.
        :raises TooManyWaiting: if too many requests wait already, or too many were made.
        """
        picture = self._read(url, cause)
        age = MAX_AGE if picture.content else FAILURE_AGE
        with self._lock:
            self._known[url] = picture, clock.now() + age
            self._known.move_to_end(url)
            while len(self._known) > self._max_pictures:
                self._known.popitem(last=False)
        return picture

    def _read(self, url: str, cause: FetchCause) -> Picture:
        try:
            result = self._documents.get(url, _ACCEPT, cause)
        except OutboundFetchError:
            return Picture()
        media_type = media_type_of(result.body) if result.status == 200 else None
        return Picture(media_type, result.body) if media_type else Picture()


def media_type_of(content: bytes) -> str | None:
    """Return the media type of a picture by its content; None for anything else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if content.startswith(start)), None)
