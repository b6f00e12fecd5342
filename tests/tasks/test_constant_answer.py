import numpy as np
import pytest

from edgeprune.tasks import OutputTask, distant_pictures, useless_outputs

RNG = np.random.default_rng(21)
CLASSES = OutputTask("classes", ("accuracy",))
COUNT = 240


def useless_output(tasks, y, outputs):
    """The reasons, where the model as a whole is refused."""
    reasons, useless = useless_outputs(tasks, y, outputs)
    return "; ".join(reasons) if useless else None


def scores(right, classes, y):
    """Class scores that name the wanted class on a fraction of samples, else another one."""
    named = np.where(RNG.random(len(y)) < right, y, (y + 1 + RNG.integers(0, classes - 1, len(y))) % classes)
    return np.eye(classes, dtype=np.float32)[named]


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_classes_are_compared_with_naming_one_always(classes):
    y = np.arange(COUNT) % classes
    assert useless_output((CLASSES,), y, [scores(1 / classes, classes, y)]) is not None
    assert useless_output((CLASSES,), y, [np.tile(np.eye(classes)[0], (COUNT, 1))]) is not None
    assert useless_output((CLASSES,), y, [scores(0.9, classes, y)]) is None


def test_the_common_class_of_unbalanced_ones_wins_nothing():
    y = (np.arange(COUNT) % 10 == 0).astype(np.int64)
    binary = OutputTask("binary", ("accuracy",))
    assert "50.0 %" in useless_output((binary,), y, [np.full((COUNT, 1), 0.1)])  # right on 90 %
    assert useless_output((binary,), y, [np.where(y > 0, 0.8, 0.2)[:, None]]) is None


def test_a_good_model_of_few_samples_is_not_refused():
    y = np.arange(8) % 2
    assert useless_output((CLASSES,), y, [np.eye(2)[np.where(np.arange(8) == 3, 1 - y, y)]]) is None


def test_values_are_compared_with_their_mean():
    task, y = OutputTask("values", ("r2",)), RNG.normal(5, 2, (COUNT, 1))
    assert "R²" in useless_output((task,), y, [np.full_like(y, 4.0)])
    assert useless_output((task,), y, [y + RNG.normal(0, 1, y.shape)]) is None


def test_pictures_may_be_dark_but_not_the_same():
    task, y = OutputTask("image", ("r2",)), RNG.random((20, 6, 6, 3))
    assert useless_output((task,), y, [0.2 * y + 0.7]) is None
    assert useless_output((task,), y, [RNG.random(y.shape)]) is not None
    assert useless_output((task,), y, [np.full_like(y, 0.5)]) is not None


def test_masks_labels_and_scores_have_their_own_constants():
    masks = (RNG.random((12, 8, 8)) > 0.7).astype(np.int64)
    mask = OutputTask("binary", ("mean_iou",))
    assert useless_output((mask,), masks, [np.zeros((12, 8, 8, 1))]) is not None
    assert useless_output((mask,), masks, [masks[..., None] * 0.8]) is None
    labels = (RNG.random((COUNT, 4)) > 0.6).astype(np.float32)
    several = OutputTask("multi_label", ("label_f1",))
    assert useless_output((several,), labels, [RNG.random((COUNT, 4))]) is not None
    assert useless_output((several,), labels, [labels * 0.5 + RNG.random((COUNT, 4)) * 0.6]) is None


def test_one_useless_output_of_several_is_named_and_all_are_refused():
    tasks = (OutputTask("classes", ("accuracy",), "kind"), OutputTask("values", ("r2",), "size"))
    y, size = np.arange(COUNT) % 3, RNG.normal(size=(COUNT, 1))
    good, constant = scores(0.9, 3, y), np.ones((COUNT, 1))
    reasons, useless = useless_outputs(tasks, (y, size), [good, constant])
    assert reasons[0].startswith("size: ")
    assert not useless
    assert useless_outputs(tasks, (y, None), [good, constant]) == ((), False)
    reasons, useless = useless_outputs(tasks, (y, size), [np.ones((COUNT, 3)), constant])
    assert [one.partition(":")[0] for one in reasons] == ["kind", "size"]
    assert useless


def test_directions_are_compared_with_the_mean_direction():
    y = RNG.normal(size=(COUNT, 6)) + 2  # all point about the same way
    task = OutputTask("directions", ("cosine_similarity",))
    mean = np.broadcast_to(y.mean(axis=0), y.shape)
    assert "mean direction" in useless_output((task,), y, [mean])
    assert useless_output((task,), y, [17 * y + RNG.normal(size=y.shape)]) is None


def test_pictures_of_wrong_brightness_are_told_of():
    image = OutputTask("image", ("r2",))
    y = np.random.default_rng(2).random((COUNT, 6, 6, 1))
    dark = 0.2 * y
    assert useless_outputs((image,), y, [dark]) == ((), False)
    (said,) = distant_pictures((image,), y, [dark])
    assert "R² is -" in said
    assert distant_pictures((image,), y, [y + 0.01]) == ()
    assert distant_pictures((image,), y, [np.full_like(y, 0.5)]) == ()  # told as no better than a constant
