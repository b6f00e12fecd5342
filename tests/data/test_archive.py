import io
import struct
import time
import zipfile

import numpy as np
import pytest

from edgeprune.data import streamed
from edgeprune.data.archive import read_npy, read_npz_arrays
from edgeprune.data.streamed import Streamed
from edgeprune.errors import InputError


def npy(array, shape=None):
    """Bytes of a `.npy`, whose header claims `shape`."""
    buffer = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(buffer, {**header, "shape": shape or array.shape})
    return buffer.getvalue() + array.tobytes()


def packed(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_what_numpy_saved_comes_back(tmp_path):
    rng = np.random.default_rng(1)
    arrays = {
        "floats": rng.normal(size=(5, 3)), "fortran": np.asfortranarray(rng.normal(size=(4, 6))),
        "texts": np.array(["a", "bcd"]), "one": np.array(3), "none": np.zeros((0, 4), np.uint8),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        for name, found in read_npz_arrays(tmp_path / "a.npz").items():
            np.testing.assert_array_equal(found, arrays[name])
            assert found.dtype == arrays[name].dtype
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        np.testing.assert_array_equal(read_npy(tmp_path / f"{name}.npy"), array)


@pytest.mark.parametrize("order", ["C", "F"])
def test_what_is_large_stays_in_the_file(tmp_path, monkeypatch, order):
    monkeypatch.setattr("edgeprune.data.archive.IN_MEMORY_BYTES", 100)
    x = np.random.default_rng(2).normal(size=(50, 7)).astype(np.float32)
    np.savez(tmp_path / "a.npz", other=np.arange(3), x=np.array(x, order=order))
    np.save(tmp_path / "x.npy", np.array(x, order=order))
    for found in (read_npz_arrays(tmp_path / "a.npz")["x"], read_npy(tmp_path / "x.npy")):
        assert isinstance(found, Streamed)
        assert found.shape == (50, 7)
        np.testing.assert_array_equal(found[:], x)
        np.testing.assert_array_equal(found.pick(x[:, 0] > 0)[2:5], x[x[:, 0] > 0][2:5])
    assert streamed.IN_MEMORY_BYTES > 100


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_header_that_lies_is_refused_before_memory_is_taken(tmp_path, compression):
    claimed = (10 * 2**30 // 8, 1)  # 10 GB of float64
    path = packed(tmp_path / "a.npz", {"x.npy": npy(np.zeros(4), claimed)}, compression)
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"claims an array .* 10,737,418,240 bytes, and holds 32"):
        read_npz_arrays(path)
    (tmp_path / "x.npy").write_bytes(npy(np.zeros(4), claimed))
    with pytest.raises(InputError, match="holds 32"):
        read_npy(tmp_path / "x.npy")
    assert time.perf_counter() - start < 1


def test_a_shape_that_overflows_is_refused(tmp_path):
    (tmp_path / "x.npy").write_bytes(npy(np.zeros(0), (2**32, 2**32)))
    with pytest.raises(InputError, match="do not belong together"):
        read_npy(tmp_path / "x.npy")


def test_a_directory_that_lies_is_refused(tmp_path):
    claimed = (2**29, 1)  # 4 GB
    content = npy(np.zeros(4), claimed)
    path = packed(tmp_path / "a.npz", {"x.npy": content})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02") + 24  # the central directory's uncompressed size
    raw[at : at + 4] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="No compression makes that of it"):
        read_npz_arrays(path)


def test_an_entry_beyond_the_end_is_refused(tmp_path):
    path = packed(tmp_path / "a.npz", {"x.npy": npy(np.zeros(4))})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02") + 20  # its compressed size
    raw[at : at + 8] = struct.pack("<II", 2**31, 2**31)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="claims"):
        read_npz_arrays(path)


@pytest.mark.parametrize("name", ["../x.npy", "/x.npy", "a/../../x.npy", "..\\x.npy", "C:\\x.npy"])
def test_an_archive_that_escapes_its_folder_is_refused(tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    path = packed(inside / "a.npz", {"y.npy": npy(np.zeros(4)), name: npy(np.zeros(4))})
    with pytest.raises(InputError, match="leaves its folder"):
        read_npz_arrays(path)
    assert [found.name for found in tmp_path.rglob("*")] == ["inside", "a.npz"]


def test_links_and_doubles_are_refused(tmp_path):
    link = zipfile.ZipInfo("x.npy")
    link.external_attr = 0o120777 << 16
    path = packed(tmp_path / "a.npz", {link: "/etc/passwd"})
    with pytest.raises(InputError, match="link"):
        read_npz_arrays(path)
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("x.npy", npy(np.full(2, 1)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", npy(np.full(2, 2)))
    with pytest.raises(InputError, match="twice"):
        read_npz_arrays(tmp_path / "b.npz")


class Trap:
    def __reduce__(self):
        return print, ("this must never run",)


def test_nothing_is_unpickled(tmp_path, capsys):
    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "a.npz", x=trap)
    np.save(tmp_path / "x.npy", trap)
    with pytest.raises(InputError, match="pickled"):
        read_npz_arrays(tmp_path / "a.npz")
    with pytest.raises(InputError, match="pickled"):
        read_npy(tmp_path / "x.npy")
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("cut", [10, 100, 300, -30])
def test_cut_and_damaged_archives_are_refused(tmp_path, cut):
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(20, 20)))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:cut])
    middle = len(content) // 2
    (tmp_path / "damaged.npz").write_bytes(content[:middle] + b"\xff\x00\xff" + content[middle + 3 :])
    for name in ("cut.npz", "damaged.npz"):
        with pytest.raises(InputError, match=name):
            read_npz_arrays(tmp_path / name)
    np.save(tmp_path / "x.npy", np.zeros((20, 20)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:cut])
    with pytest.raises(InputError, match=r"cut\.npy"):
        read_npy(tmp_path / "cut.npy")


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("edgeprune.data.archive.free_memory_bytes", lambda: 10**7)
    path = packed(tmp_path / "a.npz", {f"{name}.npy": npy(np.zeros(10**5)) for name in "abcdefgh"})
    assert path.stat().st_size < 10**5
    with pytest.raises(InputError, match="more than memory has to spare"):
        read_npz_arrays(path)
