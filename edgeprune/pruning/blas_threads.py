"""NumPy's linear algebra on one thread.

OpenBLAS shares products of a few milliseconds between all cores, and its threads wait for each other in busy
loops. Where anything else computes, such as TensorFlow or another process, that is slower by far. On a busy
machine of two cores, a product (576, 20000) · (20000, 576) took 0.07 s with one thread and more than 0.3 s
with two, the eigenvectors of 256 x 256 values 0.01 s and 1.1 s. Sums come out in another order with each
number of threads, so that machines of different size would prune differently, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Lets NumPy's matrix products and decompositions run on one thread; on leaving, as many as before."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # an installation without the extra [host]; the results are the same within rounding
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield
