"""The map from kept units and their neighbours, put through a kernel, is what applying both gives."""

import numpy as np
import pytest

from edgeprune.pruning.spatial_reconstruction import spatial_map


@pytest.mark.parametrize("places", [(4, 3), (5,), None], ids=["image", "sequence", "no neighbours"])
def test_recovers_what_neighbours_determine(places):
    """Removed channels are exact combinations of kept ones next to them; so the fit is exact."""
    generator = np.random.default_rng(0)
    sizes = places or (5,)
    y = generator.normal(size=(60, *sizes, 2))
    step = 0 if places is None else 1
    padded = np.pad(y, [(0, 0), *[(1, 1)] * len(sizes), (0, 0)])
    moved = padded[tuple([slice(None)] + [slice(1 + step, 1 + step + size) for size in sizes])]
    x = np.concatenate([y, moved @ generator.normal(size=(2, 2)) + 0.7], axis=-1)
    flat_x, flat_y = x.reshape(60, -1, 4), y.reshape(60, -1, 2)
    kernel = generator.normal(size=(flat_x.shape[1], 4, 3))
    fit = spatial_map(flat_x, flat_y, kernel, places, seed=0)
    expected = np.einsum("npc,pco->no", flat_x, kernel)
    np.testing.assert_allclose(fit.predict(flat_y.reshape(60, -1)), expected, rtol=0, atol=2e-2)
    assert np.abs(expected).max() > 5
