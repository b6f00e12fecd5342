import wave

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

RATE = 8000


def write(path, levels, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(levels, "<i2").tobytes())


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for number, word in enumerate(("no", "yes")):
        for speaker in range(20):
            tone = np.sin(np.arange(RATE) * (0.3 + 0.4 * number)) * rng.uniform(2000, 9000)
            noise = rng.normal(size=RATE) * 50
            write(tmp_path / "words" / word / f"{speaker:08x}_nohash_0.wav", tone + noise)
    return tmp_path / "words"


def signature(*shape, classes=2):
    return ModelSignature((InputSignature(shape),), (classes,), "softmax")


@pytest.mark.parametrize(("shape", "ops"), [
    ((RATE,), ["pcm_to_float"]),
    ((RATE, 1), ["pcm_to_float", "reshape"]),
    ((49, 40), ["pcm_to_float", "log_mel", "standardize"]),
    ((49, 40, 1), ["pcm_to_float", "log_mel", "standardize", "reshape"]),
    ((49, 10, 1), ["pcm_to_float", "log_mel", "mfcc", "standardize", "reshape"]),
    ((98, 32, 1), ["pcm_to_float", "log_mel", "standardize", "reshape"]),
    ((None, 40, 1), ["pcm_to_float", "log_mel", "standardize", "reshape"]),
    ((4000,), ["pcm_to_float"]),
])
def test_recordings_take_the_models_form(folder, shape, ops):
    data = open_data(folder, signature=signature(*shape))
    assert data.task == "speech"
    assert data.labels == ("no", "yes")
    assert [step["op"] for step in data.preprocessing] == ops
    made = data.model_input(data.train.x)
    assert made.shape[1:] == tuple(49 if size is None else size for size in shape)
    assert data.stream.window_samples == data.train.x.shape[1]
    if "standardize" in ops:
        bands = made.reshape(len(made), made.shape[1], -1)
        np.testing.assert_allclose(bands.mean(axis=(0, 1)), 0, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("few", "most", "expected"), [(44_100, 8_000, 8_000), (8_000, 48_000, 16_000)])
def test_the_rate_is_that_of_most_recordings(tmp_path, few, most, expected):
    for number, word in enumerate(("no", "yes")):
        for speaker in range(20):
            rate = few if speaker < 3 else most
            tone = np.sin(np.arange(rate // 2) * (0.2 + 0.2 * number)) * 5000
            write(tmp_path / "words" / word / f"{speaker:08x}_nohash_0.wav", tone, rate)
    data = open_data(tmp_path / "words", signature=signature(49, 40))
    assert data.stream.sample_rate_hz == expected
    assert data.train.x.shape[1] == expected
    # A model that takes samples says itself how many.
    assert open_data(tmp_path / "words", signature=signature(16_000)).stream.sample_rate_hz == 16_000


def test_the_statistics_are_those_of_the_training_clips(folder):
    before = open_data(folder, signature=signature(49, 40)).preprocessing
    data = open_data(folder, signature=signature(49, 40))
    assert data.preprocessing == before
    rng = np.random.default_rng(1)
    from edgeprune.data.speech_folders import split_of

    for path in folder.rglob("*.wav"):
        if split_of(path.name) == "test":
            write(path, rng.normal(size=RATE) * 9000)
    assert open_data(folder, signature=signature(49, 40)).preprocessing == before


def test_large_folders_are_read_as_needed(folder, monkeypatch):
    held = open_data(folder, signature=signature(49, 40))
    monkeypatch.setattr("edgeprune.data.streamed.IN_MEMORY_BYTES", 1000)
    streamed = open_data(folder, signature=signature(49, 40))
    assert not isinstance(streamed.train.x, np.ndarray)
    assert streamed.preprocessing == held.preprocessing
    made = np.asarray(streamed.model_input(streamed.test.x))
    np.testing.assert_array_equal(made, held.model_input(held.test.x))


def test_silence_and_the_order_of_labels(folder):
    write(folder / "_background_noise_" / "rain.wav", np.random.default_rng(3).normal(size=3 * RATE) * 900)
    assert open_data(folder, signature=signature(49, 40)).labels == ("no", "yes")
    assert open_data(folder, signature=signature(49, 40, classes=3)).labels == ("no", "yes", "_silence_")
    plain = open_data(folder, signature=signature(49, 40, classes=3))
    (folder / "labels.txt").write_text("yes\n_silence_\nno\n")
    ordered = open_data(folder, signature=signature(49, 40, classes=3))
    assert ordered.labels == ("yes", "_silence_", "no")
    by_name = [plain.labels[label] for label in plain.test.y]
    assert sorted(by_name) == sorted(ordered.labels[label] for label in ordered.test.y)
    named = zip(plain.test.x, plain.test.y, strict=True)
    spoken = {one.tobytes(): plain.labels[label] for one, label in named}
    for one, label in zip(ordered.test.x, ordered.test.y, strict=True):
        assert spoken.get(one.tobytes(), "_silence_") == ordered.labels[label]


def test_a_clip_of_one_second_tells_the_models_rate(folder):
    for path in sorted(folder.rglob("*.wav"))[::2]:
        write(path, 9000 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000), 48000)
    data = open_data(folder, signature=signature(16000))
    assert data.stream.sample_rate_hz == 16000
    tone = data.model_input(data.train.x)[data.train.y == 0][0, 2000:-2000]
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    assert np.argmax(spectrum) * 16000 / len(tone) in (pytest.approx(440, abs=2), pytest.approx(382, abs=2))


@pytest.mark.parametrize("rate", [0, 1, 2**31 - 1])
def test_a_rate_that_no_recorder_has_is_refused(folder, rate):
    path = folder / "yes" / "00000001_nohash_0.wav"
    raw = bytearray(path.read_bytes())
    raw[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"00000001_nohash_0\.wav cannot be read"):
        open_data(folder, signature=signature(49, 40))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"no audio at all" * 9])
def test_broken_recordings_are_named(folder, content):
    (folder / "yes" / "broken_nohash_0.wav").write_bytes(content)
    with pytest.raises(InputError, match=r"broken_nohash_0\.wav cannot be read"):
        open_data(folder, signature=signature(49, 40))


def test_misfits_are_refused(folder, tmp_path):
    for want, message in (
        (signature(7, 40), "do not give 7 frames"), (signature(28, 28, 3), "nor a spectrogram"),
        (signature(49, 40, classes=5), "empty class"),
        (ModelSignature((InputSignature((49, 40)),), (1,), "values"), "labels are classes"),
    ):
        with pytest.raises(InputError, match=message):
            open_data(folder, signature=want)
    (folder / "yes" / "link.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(InputError, match="leaves"):
        open_data(folder, signature=signature(49, 40))
    (folder / "yes" / "link.wav").unlink()
    (folder / "maybe").mkdir()
    with pytest.raises(InputError, match=r"'maybe' of .* is empty"):
        open_data(folder, signature=signature(49, 40))
