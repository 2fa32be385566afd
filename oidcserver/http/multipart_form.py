"""Forms as multipart/form-data (RFC 7578), for the few endpoints that accept them: text parts only.

The limits keep the time of parsing proportional to the size of the body.
"""

from multipart import MultipartError, PushMultipartParser, parse_options_header

#: The media type, a boundary of 70 characters (RFC 2046 section 5.1.1) and a charset.
MAX_CONTENT_TYPE_BYTES = 256
MAX_BOUNDARY_BYTES = 70
#: A parameter has a Content-Disposition and perhaps a Content-Type (RFC 7578 section 4.8).
MAX_PART_HEADERS = 2
MAX_PART_HEADER_BYTES = 256


def read_multipart(content_type: str, body: bytes, *, max_parts: int) -> list[tuple[str, str]]:
    """Return names and values, in the order of the parts.

    :param content_type: the header, with the boundary.
    :raises ValueError: if it is not a multipart form in UTF-8, exceeds a limit or holds a file.
        The text is a sentence that quotes no input.
    """
    if len(content_type) > MAX_CONTENT_TYPE_BYTES:
        raise ValueError("The Content-Type is too long.")
    media_type, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if media_type != "multipart/form-data" or not 0 < len(boundary) <= MAX_BOUNDARY_BYTES:
        raise ValueError("The Content-Type is not multipart/form-data with a boundary.")
    if options.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise ValueError("The body must be in UTF-8.")
    try:
        return _read_parts(boundary, body, max_parts)
    except UnicodeDecodeError:
        raise ValueError("The body is not UTF-8.") from None
    except MultipartError:
        raise ValueError(
            f"The multipart body cannot be read, or has more than {max_parts} parts."
        ) from None


def _read_parts(boundary: str, body: bytes, max_parts: int) -> list[tuple[str, str]]:
    parser = PushMultipartParser(
        boundary,
        content_length=len(body),
        max_header_size=MAX_PART_HEADER_BYTES,
        max_header_count=MAX_PART_HEADERS,
        max_segment_count=max_parts,
        strict=True,
    )
    pairs = []
    name, value = "", b""
    with parser:
        for event in parser.parse(body):
            if event is None:
                pairs.append((name, value.decode("utf-8")))
            elif isinstance(event, bytes):
                value += event
            elif event.filename is not None:
                raise ValueError("The multipart body holds a file.")
            else:
                name, value = event.name or "", b""
    return pairs
