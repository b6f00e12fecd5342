import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.metrics import evaluate


@pytest.mark.parametrize(("shape", "low", "high"), [
    ((4, 17, 12, 3), 0, 1), ((3, 8, 9, 1), -1, 1), ((2, 20, 20), 0, 255), ((2, 7, 7, 2), -3, 9),
])
def test_psnr_and_ssim_agree_with_scikit_image(shape, low, high):
    reference = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(len(shape) + high)
    truth = rng.uniform(low, high, shape).astype(np.float32)
    truth.flat[:2] = low, high
    found = (truth + rng.normal(0, 0.1 * (high - low), shape)).astype(np.float32)
    single = len(shape) == 3
    pairs = list(zip(truth.astype(float), found.astype(float), strict=True))
    expected = {
        "psnr": np.mean([
            reference.peak_signal_noise_ratio(x, y, data_range=high - low) for x, y in pairs
        ]),
        "ssim": np.mean([
            reference.structural_similarity(x, y, data_range=high - low, channel_axis=None if single else -1)
            for x, y in pairs
        ]),
    }
    assert evaluate(["psnr", "ssim"], truth, found) == pytest.approx(expected, rel=0, abs=1e-4)


def test_a_perfect_picture_has_finite_figures_and_small_ones_are_measured_too():
    picture = np.random.default_rng(0).random((2, 5, 4, 1))
    perfect = {"psnr": 100.0, "ssim": 1.0}
    assert evaluate(["psnr", "ssim"], picture, picture) == pytest.approx(perfect, rel=0, abs=1e-9)
    blank = np.zeros((1, 9, 9, 1))
    assert evaluate(["psnr", "ssim"], blank, blank) == {"psnr": 100.0, "ssim": 1.0}


def test_class_numbers_are_no_pictures():
    with pytest.raises(InputError, match="no pictures"):
        evaluate(["psnr"], np.zeros(4), np.zeros((4, 3)))


def test_depths_in_metres_are_no_pictures_of_8_bits():
    reference = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 3.5, (3, 12, 12, 1))
    found = truth + rng.normal(size=truth.shape) / 10
    pairs = zip(truth, found, strict=True)
    expected = np.mean([reference.peak_signal_noise_ratio(x, y, data_range=np.ptp(truth)) for x, y in pairs])
    assert evaluate(["psnr"], truth, found)["psnr"] == pytest.approx(expected, abs=1e-4)
