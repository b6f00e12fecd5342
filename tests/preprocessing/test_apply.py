import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.preprocessing import STEPS, apply, table
from edgeprune.preprocessing.text import Files


def test_steps_run_in_order():
    x = np.array([[0, 51], [255, 102]], np.uint8)
    got = apply([{"op": "rescale", "scale": 1 / 51, "offset": -1}, {"op": "reshape", "shape": [2, 1]}], x)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, :, 0], [[-1, 0], [4, 1]], rtol=0, atol=1e-6)


def test_standardize_takes_one_figure_a_channel():
    x = np.array([[1.0, 20.0], [3.0, 40.0]])
    got = apply([{"op": "standardize", "mean": [2, 30], "std": [1, 5]}], x)
    np.testing.assert_allclose(got, [[-1, -2], [1, 2]], rtol=0, atol=1e-6)


def test_a_step_with_an_input_leaves_the_others_alone():
    first, second = apply([{"op": "rescale", "scale": 2, "input": 1}], (np.ones(2), np.ones(3)))
    np.testing.assert_array_equal(first, [1, 1])
    np.testing.assert_array_equal(second, [2, 2, 2])


def test_an_unknown_op_is_named():
    with pytest.raises(InputError, match="'rescael' is not known"):
        apply([{"op": "rescael"}], np.zeros(1))


@pytest.mark.parametrize("options", [{}, {"scale": 1, "offest": 2}])
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(InputError, match="does not take these options"):
        apply([{"op": "rescale", **options}], np.zeros(1))


def test_two_steps_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="'rescale'"):
        table(STEPS, {"rescale": STEPS["rescale"]})


def test_a_file_outside_the_folder_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("x")
    inside = tmp_path / "bundle"
    inside.mkdir()
    (inside / "vocab.txt").write_text("a")
    assert Files(inside).read("vocab.txt") == "a"
    with pytest.raises(InputError, match=r"'\.\./secret'"):
        Files(inside).read("../secret")
