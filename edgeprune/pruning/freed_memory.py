"""Memory that one layer's outputs leave is taken for the next layer's.

The C library gives blocks of more than 32 MB back to the operating system at once. The activations of some
images are such blocks, and to have every page of them mapped and cleared again took two thirds of the time of
running MobileNetV2 on 48 images layer by layer (and more on a virtual machine).
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

# Of malloc.h in glibc. Its defaults adapt themselves; the last two are where they come to with large arrays.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MOST_MAPPED, _LARGE, _ADAPTED, _ADAPTED_TRIM = 65_536, 2**31 - 1, 32 << 20, 64 << 20


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Lets the process keep what it frees, and give it back on leaving; nothing happens without glibc."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _LARGE)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, _MOST_MAPPED)
        library.mallopt(_MMAP_THRESHOLD, _ADAPTED)
        library.mallopt(_TRIM_THRESHOLD, _ADAPTED_TRIM)
        library.malloc_trim(0)
