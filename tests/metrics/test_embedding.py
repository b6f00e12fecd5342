import numpy as np
import pytest
from sklearn.metrics.pairwise import paired_cosine_distances
from sklearn.neighbors import NearestNeighbors

from edgeprune.metrics import evaluate


@pytest.mark.parametrize("seed", range(3))
def test_recall_agrees_with_scikit_learns_neighbours(seed):
    rng = np.random.default_rng(seed)
    classes = np.append(rng.integers(0, 12, 700), [40, 41])  # two are alone in their class
    vectors = rng.normal(size=(702, 8)) + 0.7 * rng.normal(size=(50, 8))[classes]
    _, nearest = NearestNeighbors(n_neighbors=6, metric="cosine").fit(vectors).kneighbors(vectors)
    others = np.array([[j for j in row if j != i][:5] for i, row in enumerate(nearest)])
    hits = classes[others] == classes[:, None]
    expected = {"recall_at_1": hits[:700, 0].mean(), "recall_at_5": hits[:700].any(axis=1).mean()}
    assert evaluate(["recall_at_1", "recall_at_5"], classes, vectors) == pytest.approx(expected, abs=1e-12)


def test_few_samples_and_lonely_ones():
    assert evaluate(["recall_at_5"], [0, 0], [[1.0, 0], [0, 1]]) == {"recall_at_5": 1.0}
    assert evaluate(["recall_at_1"], [0, 1], [[1.0, 0], [0, 1]]) == {"recall_at_1": 0.0}
    assert evaluate(["recall_at_1"], [0, 0, 1], np.zeros((3, 2)))["recall_at_1"] in (0.0, 0.5, 1.0)


def test_cosines_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth, found = rng.normal(size=(2, 40, 7))
    expected = np.mean(1 - paired_cosine_distances(truth, found))
    assert evaluate(["cosine_similarity"], truth, found)["cosine_similarity"] == pytest.approx(expected)
