import numpy as np
import pytest

from edgeprune.data.streamed import FromArray
from edgeprune.errors import InputError
from edgeprune_models.augmentation import FEATURES, RAW, SPEECH, augment


def run(op, x, table=RAW, **options):
    return augment(x, [{"op": op, **options}], table, np.random.default_rng(5))


def test_a_time_shift_moves_samples_and_fills_with_zeros():
    x = np.arange(1, 11, dtype=np.int16)[None].repeat(40, axis=0)
    shifts = set()
    for row in run("time_shift", x, ratio=0.3):
        kept = row[row != 0]
        np.testing.assert_array_equal(np.diff(kept), 1)
        shifts.add(int(np.flatnonzero(row == 5)[0]) - 4)
    assert shifts == set(range(-3, 4))


def test_noise_reaches_the_asked_share_and_level_at_most():
    x = np.zeros((400, 1000), np.int16)
    level = np.sqrt(np.mean(run("background_noise", x, ratio=0.5, loudest=0.01).astype(float) ** 2, axis=1))
    assert 0.4 < np.mean(level > 0) < 0.6
    assert 0.009 * 32768 < level.max() < 0.0102 * 32768


def test_recorded_noise_is_used():
    noise = np.tile(np.array([100, -100], np.int16), 900)
    got = run("background_noise", np.zeros((5, 500), np.int16), ratio=1.0, loudest=0.01, recordings=[noise])
    np.testing.assert_array_equal(got[:, :-1], -got[:, 1:])
    assert np.abs(got).max() > 0


def test_noise_shorter_than_a_clip_is_repeated():
    noise = np.array([100, -100], np.int16)
    got = run("background_noise", np.zeros((5, 500), np.int16), ratio=1.0, loudest=0.01, recordings=[noise])
    np.testing.assert_array_equal(got[:, :-1], -got[:, 1:])
    assert np.abs(got).max() > 0


def test_streamed_samples_are_changed_alike_each_time_they_are_read():
    x = np.random.default_rng(1).integers(-9000, 9000, (20, 400)).astype(np.int16)
    steps = [{"op": "time_shift", "ratio": 0.2}, {"op": "background_noise", "ratio": 0.5, "loudest": 0.01}]
    rng = np.random.default_rng(4)
    epochs = [augment(FromArray(x), steps, RAW, rng) for _ in range(2)]
    whole = epochs[0][:]
    assert (whole != x).any(axis=1).sum() > 15
    np.testing.assert_array_equal(epochs[0][np.array([7, 3])], whole[[7, 3]])
    assert (epochs[1][:] != whole).any(axis=1).sum() > 15


def test_spec_augment_blanks_whole_frames_and_bands_only():
    x = np.ones((60, 30, 20), np.float32)
    got = run("spec_augment", x, FEATURES, frames=4, bands=3)
    for sample in got:
        frames, bands = (sample == 0).all(axis=1), (sample == 0).all(axis=0)
        np.testing.assert_array_equal(sample == 0, frames[:, None] | bands[None])
        assert frames.sum() <= 4
        assert bands.sum() <= 3
    assert (got == 0).any()
    assert (x == 1).all()


def test_images_move_and_mirror():
    x = np.arange(1, 17, dtype=np.uint8).reshape(1, 4, 4, 1).repeat(30, axis=0)
    moved = run("shift_image", x, pixels=1)
    assert moved.shape == x.shape
    assert len({sample.tobytes() for sample in moved}) == 9
    kinds = {sample.tobytes() for sample in run("flip_image", x)}
    assert kinds == {x[0].tobytes(), x[0, :, ::-1].tobytes()}


def test_only_the_tables_own_steps_run_and_unknown_ones_are_refused():
    x = np.zeros((2, 100), np.int16)
    assert augment(x, SPEECH[2:], RAW, np.random.default_rng(0)) is x
    with pytest.raises(InputError, match="'echo'"):
        run("echo", x)
