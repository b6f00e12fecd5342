"""Pixels as a PNG inside the page: signature, header, one filtered and deflated block, end (RFC 2083).

Each row begins with the number of its filter, 0 for none.
"""

import base64
import struct
import zlib

import numpy as np

PREFIX = "data:image/png;base64,"
_COLOURS = {3: 2, 4: 6}
"""Channels to PNG's colour type: true colour, and with opacity."""


def png_address(pixels: np.ndarray) -> str:
    """A data address of (height, width, 3 or 4) uint8."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    rows = np.insert(pixels.reshape(height, width * channels), 0, 0, axis=1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return PREFIX + base64.b64encode(content).decode()
