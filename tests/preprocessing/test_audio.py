import numpy as np
import pytest
from scipy import signal

from edgeprune.errors import InputError
from edgeprune.preprocessing import apply

OPTIONS = {"sample_rate": 16000, "frame_length": 480, "frame_step": 320, "mel_bands": 40}


@pytest.fixture(scope="module")
def clips():
    """Three clips: noise, a chirp that fades to nothing, digital silence."""
    rng = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    chirp = signal.chirp(time, 80, 1, 7000) * np.linspace(1, 0, 16000) ** 2
    return np.stack([rng.normal(size=16000) * 0.2, chirp * 0.9, np.zeros(16000)]).clip(-1, 1)


def by_tf_signal(x, *, floor, upper):
    """log-mel and MFCC by tf.signal in float64."""
    import tensorflow as tf

    spectrum = tf.abs(tf.signal.stft(tf.constant(x, tf.float64), 480, 320))
    weights = tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 20.0, upper, dtype=tf.float64)
    mel = tf.math.log(spectrum @ weights + floor)
    return mel.numpy(), tf.signal.mfccs_from_log_mel_spectrograms(mel).numpy()


@pytest.mark.parametrize("upper", [4000.0, 7600.0])
def test_log_mel_and_mfcc_are_tf_signals(clips, upper):
    step = {"op": "log_mel", **OPTIONS, "upper_hz": upper, "floor": 1e-6}
    mel, mfcc = by_tf_signal(clips, floor=1e-6, upper=upper)
    got = apply([step], clips)
    assert got.shape == (3, 49, 40)
    np.testing.assert_allclose(got, mel, rtol=1e-5, atol=1e-5)
    got = apply([step, {"op": "mfcc", "coefficients": 13}], clips)
    np.testing.assert_allclose(got, mfcc[..., :13], rtol=1e-5, atol=1e-5)


def test_pcm_reaches_the_same_features_as_floats(clips):
    pcm = np.round(clips * 32767).astype(np.int16)
    steps = [{"op": "pcm_to_float"}, {"op": "log_mel", **OPTIONS}]
    np.testing.assert_allclose(apply(steps, pcm), apply(steps, pcm / 32768), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("samples", "align", "expected"),
    [
        (6, "centre", [0, 1, 2, 3, 4, 0]),
        (7, "centre", [0, 1, 2, 3, 4, 0, 0]),
        (2, "centre", [2, 3]),
        (3, "centre", [1, 2, 3]),
        (6, "end", [1, 2, 3, 4, 0, 0]),
        (2, "end", [1, 2]),
        (4, "centre", [1, 2, 3, 4]),
    ],
)
def test_clips_are_padded_or_cropped_to_length(samples, align, expected):
    step = {"op": "pad_or_crop", "samples": samples, "align": align}
    got = apply([step], np.array([[1, 2, 3, 4]], np.int16))
    np.testing.assert_array_equal(got, [expected])
    assert got.dtype == np.int16


@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(8000, 16000), (16000, 8000), (44100, 16000), (48000, 16000)]
)
def test_resampling_keeps_a_tone_and_its_amplitude(rate_in, rate_out):
    seconds, hertz = 0.4, 1234.5
    tone = np.sin(2 * np.pi * hertz * np.arange(int(rate_in * seconds)) / rate_in)[None]
    got = apply([{"op": "resample", "from_hz": rate_in, "to_hz": rate_out}], tone)[0]
    expected = np.sin(2 * np.pi * hertz * np.arange(int(rate_out * seconds)) / rate_out)
    assert len(got) == len(expected)
    middle = slice(len(got) // 4, -len(got) // 4)
    np.testing.assert_allclose(got[middle], expected[middle], rtol=0, atol=1e-3)


def test_resampling_down_removes_what_would_fold_back():
    tone = np.sin(2 * np.pi * 6000 * np.arange(8000) / 16000)[None]
    got = apply([{"op": "resample", "from_hz": 16000, "to_hz": 8000}], tone)[0]
    assert np.abs(got[1000:-1000]).max() < 1e-3


def test_a_clip_shorter_than_a_frame_is_refused():
    with pytest.raises(InputError, match="holds no frame of 480 samples"):
        apply([{"op": "log_mel", **OPTIONS}], np.zeros((1, 100)))


def test_bands_above_half_the_rate_are_refused():
    with pytest.raises(InputError, match="do not fit a sample rate of 16000"):
        apply([{"op": "log_mel", **OPTIONS, "upper_hz": 9000.0}], np.zeros((1, 1000)))
