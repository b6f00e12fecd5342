"""Recordings of every usual format give the same numbers as the same samples in a WAV file."""

import sys
import wave

import numpy as np
import pytest

from edgeprune.data.audio_files import read_audio
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError, UnreadableError
from edgeprune.recipe.sections import DataSettings

soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed")
RATE = 16000
CLIPS = ModelSignature((InputSignature((1000,)),), (2,), "softmax")


def tone(seed=0, channels=1, samples=4000):
    time = np.arange(samples)[:, None] / RATE
    pitch = 300 + 40 * seed + 25 * np.arange(channels)
    return 0.6 * np.sin(2 * np.pi * pitch * time)


def write_wav(path, levels, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(levels.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(levels * 32767).astype("<i2").tobytes())


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "subtype"), [("flac", "PCM_16"), ("flac", "PCM_24"), ("wav", "PCM_24"),
                                                 ("wav", "PCM_U8"), ("wav", "FLOAT"), ("wav", "ULAW")])
def test_lossless_formats_equal_what_was_recorded(tmp_path, suffix, subtype, channels):
    levels = tone(channels=channels)
    soundfile.write(tmp_path / f"a.{suffix}", levels, 22050, subtype=subtype)
    got, rate = read_audio(tmp_path / f"a.{suffix}")
    assert rate == 22050
    tolerance = {"PCM_U8": 257, "PCM_16": 1, "PCM_24": 0.01, "FLOAT": 0.01, "ULAW": 600}[subtype]
    np.testing.assert_allclose(got, levels.mean(axis=1) * 32768, rtol=0, atol=tolerance)


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_formats_sound_the_same(tmp_path, suffix, channels):
    if suffix.upper() not in soundfile.available_formats():
        pytest.skip(f"this libsndfile has no {suffix}")
    levels = tone(channels=channels, samples=16000)
    soundfile.write(tmp_path / f"a.{suffix}", levels, RATE)
    got, rate = read_audio(tmp_path / f"a.{suffix}")
    assert rate == RATE
    heard, spoken = (np.abs(np.fft.rfft(one[:16000] * np.hanning(16000))) for one in
                     (np.pad(got, (0, 16000)), levels.mean(axis=1) * 32768))
    assert np.corrcoef(heard, spoken)[0, 1] > 0.95  # wherever the encoder let it begin
    assert 0.8 < heard.max() / spoken.max() < 1.25


def test_the_content_decides_and_not_the_name(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(), RATE)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.flac").read_bytes())
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], read_audio(tmp_path / "a.flac")[0])
    write_wav(tmp_path / "b.flac", tone())
    assert len(read_audio(tmp_path / "b.flac")[0]) == 4000


@pytest.fixture
def folder(tmp_path):
    """The same recordings as WAV, and in other formats."""
    for number, word in enumerate(("no", "yes")):
        for take in range(12):
            levels = tone(20 * number + take, channels=1 + take % 2)
            write_wav(tmp_path / "wav" / word / f"{take:02}.wav", levels)
            (tmp_path / "mixed" / word).mkdir(parents=True, exist_ok=True)
            suffix = ("wav", "flac", "FLAC")[take % 3]
            target = tmp_path / "mixed" / word / f"{take:02}.{suffix}"
            soundfile.write(target, np.round(levels * 32767).astype(np.int16), RATE, subtype="PCM_16")
    return tmp_path


def test_a_folder_of_formats_is_the_same_data(folder):
    plain, mixed = (open_data(folder / name, signature=CLIPS) for name in ("wav", "mixed"))
    for name in ("train", "validation", "test"):
        one, other = getattr(plain, name), getattr(mixed, name)
        np.testing.assert_array_equal(one.x, other.x)
        np.testing.assert_array_equal(one.y, other.y)


def test_splits_of_recordings(folder):
    for word in ("no", "yes"):
        for take, path in enumerate(sorted((folder / "mixed" / word).iterdir())):
            place = folder / "split" / "words" / ("Training", "Valid", "Testing")[min(take // 5, 2)] / word
            place.mkdir(parents=True, exist_ok=True)
            path.rename(place / path.name)
    data = open_data(folder / "split", signature=CLIPS)
    assert data.labels == ("no", "yes")
    assert [len(split) for split in (data.train, data.validation, data.test)] == [10, 10, 4]


def test_bare_recordings_have_no_labels(folder):
    data = open_data(folder / "wav" / "yes", signature=CLIPS)
    assert (data.task, data.train.y) == ("speech", None)
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 12


def test_all_bad_recordings_are_told_at_once(folder):
    place = folder / "mixed" / "yes"
    (place / "03.wav").write_bytes(b"")
    (place / "04.flac").write_bytes((place / "04.flac").read_bytes()[:60])
    (place / "05.FLAC").write_bytes(b"ID3 no mp3 at all" * 20)
    told = []
    message = r"3 of 24 files cannot be read: yes/03\.wav .*yes/04\.flac .*yes/05"
    with pytest.raises(InputError, match=message):
        open_data(folder / "mixed", signature=CLIPS, progress=told.append)
    assert told[-1] == 1
    data = open_data(folder / "mixed", signature=CLIPS, settings=DataSettings(skip_bad_files=True))
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 21


@pytest.mark.parametrize("suffix", ["flac", "ogg"])
def test_damage_is_read_or_refused(tmp_path, suffix):
    path, rng = tmp_path / f"a.{suffix}", np.random.default_rng(3)
    soundfile.write(path, tone(samples=9000), RATE)
    content, refused = path.read_bytes(), 0
    for _ in range(60):
        changed = bytearray(content)
        for at in rng.integers(0, len(changed), 8):
            changed[at] = int(rng.integers(0, 256))
        path.write_bytes(changed[: int(rng.integers(4, len(changed)))])
        try:
            levels, _ = read_audio(path)
        except UnreadableError:
            refused += 1
        else:
            assert np.isfinite(levels).all()
    assert refused


def test_a_missing_package_is_said_before_anything_is_read(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(InputError, match=r"is FLAC, Ogg, MP3 or .*pip install .*\[audio\]"):
        open_data(folder / "mixed", signature=CLIPS)
    assert len(open_data(folder / "wav", signature=CLIPS).train)


def test_a_video_stream_or_nothing_called_wav_is_told(tmp_path):
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile has no MP3")
    soundfile.write(tmp_path / "a.mp3", tone(samples=16000), RATE)
    (tmp_path / "a.mp3").rename(tmp_path / "a.wav")
    assert len(read_audio(tmp_path / "a.wav")[0]) >= 16000
    for content in (b"", b"\x00\x00\x00\x18ftypmp42" + bytes(40)):
        (tmp_path / "b.wav").write_bytes(content)
        with pytest.raises(UnreadableError, match=r"b\.wav cannot be read"):
            read_audio(tmp_path / "b.wav")
