"""Keras models from and to files, of whichever Keras made them.

    .keras                Keras 3, or Keras 2 (tf_keras) of 2.12 and later: told apart by metadata.json
    .h5 .hdf5             Keras 2, or Keras 1 of old; loads in Keras 3 where Keras 2 refuses
    a folder              SavedModel that holds a Keras 2 model

A .keras file is loaded by the Keras that wrote it; for .h5 both are tried. Code that the file names or holds
is refused before any Keras reads it, unless the caller trusts the file.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping

from edgeprune import jsonable
from edgeprune.errors import InputError, not_installed
from edgeprune.install_source import install_command
from edgeprune.keras_bridge.file_code import code_named_in, unregistered_names
from edgeprune.keras_bridge.file_operators import operators_of_code
from edgeprune.keras_bridge.unread_weights import refuse_unread_weights
from edgeprune.keras_types import KerasModel

MAX_CONFIG_BYTES = jsonable.MOST_BYTES
"""More configuration than any real model has; a zip may claim anything."""
_MOST_GRAPH_BYTES = 1 << 31  # of protobuf


def load_model(
    path: str | os.PathLike[str], *, trust: bool = False, custom_objects: Mapping[str, object] | None = None
) -> KerasModel:
    """Loads a model of either Keras, compiled as it was where its loss and optimizer are known.

    Layers that are made of layers are opened, see `edgeprune.keras_bridge.inside.open_model`.

    `trust` lets code inside of the file (Lambda layers) run; `custom_objects` are the user's own classes and
    functions by name.

    Raises:
        InputError: no such file, no Keras model, code in it that is not trusted, a layer that neither Keras
            knows.
    """
    path = pathlib.Path(path)
    order = _versions(path)
    _refuse_unregistered(path, custom_objects or {})
    if not trust:
        _refuse_code(path, custom_objects or {})
    reasons = []
    for version in order:
        try:
            with _wrappers(version, str(path)):
                loaded = _load(version, str(path), custom_objects or {}, trust=trust)
        except ModuleNotFoundError as error:  # noqa: PERF203
            if error.name == version:
                raise not_installed(
                    "Reading a Keras model needs TensorFlow and Keras", install_command("host")
                ) from error
            reasons.append(f"{version}: {_first_line(error)}")
        except Exception as error:
            # Keras raises whatever it likes.
            if unknown := _unknown_name(error):
                raise _not_loaded(path, unknown) from error
            reasons.append(f"{version}: {_first_line(error)}")
        else:
            if version == "keras":
                refuse_unread_weights(path, loaded)
            return load_if_path(loaded)
    raise InputError(
        f"{path} could not be loaded ({'; '.join(reasons)}).", "A Keras 3 or Keras 2 model is expected.",
        "Layers of your own are named with --custom-objects package.module.",
    )


def load_if_path(
    model: KerasModel | str | os.PathLike[str], *, trust: bool = False,
    custom_objects: Mapping[str, object] | str | None = None,
) -> KerasModel:
    """The model itself, or the one in a file, its layers opened where they are made of layers.

    `custom_objects` are the user's own classes and functions by name, or the module that holds them.
    """
    from edgeprune.keras_bridge.inside.open_model import open_model

    if isinstance(model, (str, os.PathLike)):
        return load_model(model, trust=trust, custom_objects=objects_of(custom_objects))
    return open_model(model)


def save_model(model: KerasModel, path: str | pathlib.Path) -> None:
    """Saves a model as ``.keras`` in its own Keras; its optimizer is left out.

    Raises:
        InputError: the folder is not there, or the model cannot be written.
    """
    check_target(pathlib.Path(path))
    model.save(str(path))


def saved_bytes(model: KerasModel) -> bytes:
    """What `save_model` writes."""
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        path = pathlib.Path(folder) / "model.keras"
        save_model(model, path)
        return path.read_bytes()


def objects_of(module: Mapping[str, object] | str | None) -> dict[str, object]:
    """Every class and function of a module by name; the module is found from the working folder too.

    Objects by name are taken as they are.

    Naming a module is asking for its code to run.

    Raises:
        InputError: it cannot be imported.
    """
    if not isinstance(module, str):
        return dict(module or {})
    if not module:
        return {}
    here = str(pathlib.Path.cwd())
    sys.path.insert(0, here)
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # whatever the user's own code raises
        raise InputError(
            f"--custom-objects {module} cannot be imported ({type(error).__name__}: {error}).",
            "A module with the model's own layers, losses and metrics is expected.",
            "Name it as Python does, as package.module, from the folder it lies in.",
        ) from error
    finally:
        sys.path.remove(here)
    return {name: one for name, one in vars(loaded).items() if callable(one) and not name.startswith("_")}


def check_target(path: pathlib.Path) -> None:
    """Refuses a place that no model can be saved to: another ending, or no such folder."""
    if path.suffix != ".keras":
        raise InputError(f"{path} does not end in .keras.", "Models are saved as .keras files.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}.", way_out="Create it first.")


def _versions(path: pathlib.Path) -> tuple[str, ...]:
    """Which Keras versions to try, the likelier first."""
    expected = "A .keras file, an .h5 file or a SavedModel folder is expected."
    if not path.exists():
        raise InputError(f"There is no file {path}.", expected)
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise InputError(f"{path} is a folder without saved_model.pb.", expected)
        if not (path / "keras_metadata.pb").is_file():
            raise InputError(
                f"{path} is a SavedModel without a Keras model in it.", expected,
                "Save the Keras model itself, with model.save('model.keras').",
            )
        return ("tf_keras",)
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return ("tf_keras", "keras")
    if start[:2] == b"PK":
        metadata = _archive_json(path, "metadata.json")
        version = str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""
        return ("tf_keras",) if version.startswith("2.") else ("keras",)
    if start[4:8] == b"TFL3":
        raise InputError(
            f"{path} is a .tflite file, which cannot be pruned.", expected,
            "Give the Keras model it came from.",
        )
    raise InputError(f"{path} is not a model file (it begins with {start!r}).", expected)


def _archive_json(path: pathlib.Path, member: str) -> object:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(member).file_size > MAX_CONFIG_BYTES:
                raise InputError(f"{member} in {path} claims to be larger than any model's.")
            return _shallow(path, json.loads(archive.read(member)))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, RecursionError) as error:
        raise InputError(
            f"{path} is not an intact .keras file ({_first_line(error)}).",
            "An archive with metadata.json, config.json and model.weights.h5 is expected.",
            "Save the model again.",
        ) from error


def _config(path: pathlib.Path) -> object:
    """The model's configuration, read without Keras."""
    if path.is_dir():
        return _metadata_text(path / "keras_metadata.pb")
    if zipfile.is_zipfile(path):
        return _archive_json(path, "config.json")
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(path, "r") as file:
            text, training = file.attrs.get("model_config"), file.attrs.get("training_config")
    except OSError as error:
        found = f"{path} is not an intact HDF5 file ({_first_line(error)})."
        raise InputError(found, way_out="Save the model again.") from error
    if text is None:
        raise InputError(
            f"{path} holds weights without a model.", "A file made by model.save() is expected.",
            "Build the model in Python, call load_weights(), and give it to edgeprune.prune().",
        )
    return [_parsed(path, text), _parsed(path, training) if training is not None else None]


def _parsed(path: pathlib.Path, text: str | bytes) -> object:
    try:
        if len(text) > MAX_CONFIG_BYTES:
            raise InputError(f"The model's configuration in {path} is larger than any model's.")
        return _shallow(path, json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        found = f"The model's configuration in {path} is not JSON ({_first_line(error)})."
        raise InputError(found, way_out="Save the model again.") from error


def _shallow(path: pathlib.Path, config: object) -> object:
    jsonable.check_depth(config, f"The model's configuration in {path}", 250)
    return config


def _metadata_text(path: pathlib.Path) -> list[object]:
    """The JSON documents inside of a SavedModel's Keras metadata, one for each object."""
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise InputError(f"{path} is larger than any model's.")
    text = path.read_bytes().decode("utf-8", "ignore")
    decoder = json.JSONDecoder()
    found: list[object] = []
    start = re.compile(r"\{\s*[\"}]")
    at = start.search(text)
    while at:
        try:
            value, end = decoder.raw_decode(text, at.start())
            found.append(value)
        except ValueError:
            end = at.start() + 1
        except RecursionError as error:
            raise InputError(f"{path} is nested deeper than any model.", way_out="Save it again.") from error
        at = start.search(text, end)
    return found


def _may_use(name: str, custom_objects: Mapping[str, object]) -> bool:
    """Whether a name is one of the user's own objects, or registered in this process."""
    if name in custom_objects or name.rpartition(">")[2] in custom_objects:
        return True
    loaded = [sys.modules[version] for version in ("keras", "tf_keras") if version in sys.modules]
    return any(keras.utils.get_registered_object(name) is not None for keras in loaded)


def _refuse_unregistered(path: pathlib.Path, custom_objects: Mapping[str, object]) -> None:
    for name in unregistered_names(_config(path), lambda one: _may_use(one, custom_objects)):
        raise _not_loaded(path, name)


def _not_loaded(path: pathlib.Path, name: str) -> InputError:
    return InputError(
        f"{path} uses '{name}', which is code of your own that was not loaded.",
        "A class or function that Keras does not have must be loaded before the model.",
        "Name the module that defines it with --custom-objects package.module.",
    )


def _refuse_code(path: pathlib.Path, custom_objects: Mapping[str, object]) -> None:
    def may_use(name: str) -> bool:
        return _may_use(name, custom_objects)

    for found in itertools.chain(code_named_in(_config(path), may_use), _graph_code(path)):
        raise InputError(
            f"{path} holds code: {found.rstrip(',')}.", "Code in a file is not run unasked.",
            "Name layers of your own with --custom-objects package.module. If you trust where the file comes "
            "from, add --trust-model.",
        )


def _graph_code(path: pathlib.Path) -> Iterator[str]:
    graph = path / "saved_model.pb"
    if not path.is_dir():
        return
    if graph.stat().st_size >= _MOST_GRAPH_BYTES:
        yield f"a graph of {graph.stat().st_size} bytes, more than can be looked at"
        return
    yield from operators_of_code(graph.read_bytes())


def _load(version: str, path: str, custom_objects: Mapping[str, object], *, trust: bool) -> KerasModel:
    """Loads with one Keras; a file whose loss or optimizer is unknown is loaded without them."""
    package = importlib.import_module(version)
    objects = {**_application_layers(version), **custom_objects}
    try:
        return package.models.load_model(path, custom_objects=objects, safe_mode=not trust)
    except Exception:  # noqa: BLE001 - the second attempt tells what is wrong
        return package.models.load_model(path, custom_objects=objects, compile=False, safe_mode=not trust)


def _wrappers(version: str, path: str) -> contextlib.AbstractContextManager[None]:
    """The TF Model Optimization toolkit's classes, where a file of Keras 2 names one of its wrappers."""
    from edgeprune.keras_bridge.inside.tfmot_wrappers import WRAPPERS, wrapper_classes

    if version != "tf_keras" or not any(name in json.dumps(_config(pathlib.Path(path))) for name in WRAPPERS):
        return contextlib.nullcontext()
    return wrapper_classes()


def _application_layers(version: str) -> dict[str, object]:
    """Layers that keras.applications defines without registering them."""
    objects: dict[str, object] = {}
    for module, name in (
        ("convnext", "LayerScale"), ("convnext", "StochasticDepth"),
        ("inception_resnet_v2", "CustomScaleLayer"),
    ):
        with contextlib.suppress(ImportError, AttributeError):
            objects[name] = getattr(importlib.import_module(f"{version}.src.applications.{module}"), name)
    return objects


_UNKNOWN = re.compile(
    r"(?:Could not locate (?:class|function)|Cannot deserialize object of type|Could not interpret [\w ]+ "
    r"identifier:|Unknown (?:layer|[\w ]+ function|loss|metric|optimizer|object):?) *['`]?"
    r"(?:\{[^{}]*'config': ')?(?!function\b)(?P<name>[\w.>]+)"
)
"""How either Keras says that it has no such class or function."""


def _unknown_name(error: BaseException) -> str | None:
    found = _UNKNOWN.search(_told(error))
    return found["name"] if found else None


def _told(error: BaseException) -> str:
    """What went wrong inside, without the configurations of all layers around it."""
    return str(error).rpartition("Exception encountered: ")[2]


def _first_line(error: BaseException) -> str:
    lines = _told(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
