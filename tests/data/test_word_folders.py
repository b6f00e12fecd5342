import wave

import numpy as np
import pytest

from edgeprune.data.sources import open_data
from edgeprune.data.speech_folders import background_noise, read_clip, split_of
from edgeprune.errors import InputError

RATE = 8000


def write(path, levels, rate=RATE, width=2, channels=1):
    """`levels` (float, 16-bit range) as PCM of `width` bytes; every channel gets the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.repeat(np.asarray(levels, np.float64), channels)
    if width == 1:
        raw = np.round(levels / 256 + 128).astype(np.uint8).tobytes()
    else:
        wide = np.round(levels * 256 ** (width - 2)).astype("<i4")
        raw = wide.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(2)
    for number, word in enumerate(("down", "up", "zebra")):
        for speaker in range(20):
            time = np.arange(int(rng.integers(3000, 9000))) / RATE
            write(tmp_path / word / f"{speaker:08x}_nohash_0.wav", 8000 * np.sin(2000 * (number + 1) * time))
    write(tmp_path / "_background_noise_" / "rain.wav", rng.normal(size=30000) * 3000)
    return tmp_path


@pytest.mark.parametrize(("width", "tolerance"), [(1, 128), (2, 0.51), (3, 0.51), (4, 0.51)])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_pcm_width_is_read(tmp_path, width, tolerance, channels):
    levels = 20000 * np.sin(np.arange(500) / 7)
    write(tmp_path / "a.wav", levels, width=width, channels=channels)
    got = read_clip(tmp_path / "a.wav", RATE)
    assert got.dtype == np.int16
    np.testing.assert_allclose(got, levels, rtol=0, atol=tolerance)


def test_another_rate_is_resampled(tmp_path):
    write(tmp_path / "a.wav", 10000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000), rate=16000)
    got = read_clip(tmp_path / "a.wav", RATE)
    expected = 10000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(got[500:-500], expected[500:-500], rtol=0, atol=12)


def test_the_lists_decide_the_split(folder):
    (folder / "validation_list.txt").write_text("up/00000001_nohash_0.wav\ndown/00000001_nohash_0.wav\n")
    (folder / "testing_list.txt").write_text("up/00000002_nohash_0.wav\n")
    (folder / "labels.txt").write_text("up\ndown\n_unknown_\n")
    data = open_data(folder)
    assert data.labels == ("up", "down", "_unknown_")
    assert sorted(data.validation.y) == [0, 1]
    assert list(data.test.y) == [0]
    counts = np.bincount(data.train.y)
    assert list(counts) == [18, 19, 20]
    assert data.input_shape() == (49, 40)
    assert data.stream.window_samples == RATE
    assert any("No test sample is of class 'down', '_unknown_'" in note for note in data.notes)


def test_without_lists_a_speaker_stays_in_one_split(folder):
    data = open_data(folder)
    assert data.labels == ("down", "up", "zebra", "_silence_")
    speakers = [split_of(f"{speaker:08x}_nohash_0.wav") for speaker in range(20)]
    for name in ("train", "validation", "test"):
        y = getattr(data, name).y
        assert np.count_nonzero(y < 3) == 3 * speakers.count(name)
        assert np.count_nonzero(y == 3) == max(speakers.count(name) * 3 // 3, 1)
    assert split_of("abc_nohash_0.wav") == split_of("abc_nohash_7.wav")


def test_without_speakers_every_word_is_in_every_split(tmp_path):
    for number, word in enumerate(("a", "b", "c")):
        for take in range(7):
            write(tmp_path / word / f"take {take}.wav", 8000 * np.sin((number + 1) * np.arange(4000) / 9))
    data = open_data(tmp_path)
    for name in ("train", "validation", "test"):
        assert set(getattr(data, name).y) == {0, 1, 2}


def test_background_noise_is_read(folder):
    (noise,) = background_noise(folder, RATE)
    assert len(noise) == 30000


def test_errors_name_the_place(folder, tmp_path):
    (folder / "labels.txt").write_text("up\ndown\n")
    with pytest.raises(InputError, match=r"does not list: zebra\. List them, or _unknown_"):
        open_data(folder)
    (folder / "labels.txt").unlink()
    (folder / "testing_list.txt").write_bytes(b"up/\xff.wav")
    with pytest.raises(InputError, match=r"testing_list\.txt cannot be read"):
        open_data(folder)
    (tmp_path / "bad.wav").write_bytes(b"not audio")
    with pytest.raises(InputError, match=r"bad\.wav cannot be read"):
        read_clip(tmp_path / "bad.wav", RATE)
