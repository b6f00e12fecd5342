"""Stage: tokens leave a text model's vocabulary, its embedding's rows with them -> a smaller `Baseline`.

    vocab.txt (V lines), Embedding (V, D)    becomes    vocab.txt (V' lines), Embedding (V', D)

A token that left is read as the unknown token, or cut into pieces that stayed. By default those leave that
the training texts never use; --max-vocabulary says how many stay, see `edgeprune.pruning.vocabulary`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.data.dataset import Dataset
from edgeprune.data.decisions import ReadingDecision
from edgeprune.data.splits import choose
from edgeprune.data.streamed import HeldSamples, ModelInput, batches_of, in_memory, parts_of
from edgeprune.errors import InputError
from edgeprune.keras_bridge.network import KerasNetwork, network_of
from edgeprune.keras_bridge.run import predict, repeatable
from edgeprune.keras_bridge.token_tables import TokenTables, token_tables, with_rows
from edgeprune.pipeline.artifacts import Baseline
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.equivalence import compare
from edgeprune.pruning.vocabulary import UNKNOWN, dearest_tokens, used_tokens, with_mean_unknown
from edgeprune.recipe import PruneSettings
from edgeprune.report.schema import VocabularyReport
from edgeprune.training.prediction import predict as predict_in_batches

_MOST_NEW = 0.002
"""Share of validation's tokens that the training texts do not use: with more of them, training texts do not
show what the model will be given."""
_COMPARED = 64
"""Samples on which the smaller table is compared with the whole one."""


@dataclasses.dataclass(frozen=True)
class _Tokenizer:
    """How texts become numbers: the vocabulary's file, its lines, and the inputs that it feeds."""

    file: str
    lines: Sequence[str]
    inputs: tuple[int, ...]
    by_word: bool  # a token that is not in the vocabulary is unknown, whatever else is in it

    def counts(self, inputs: ModelInput, size: int) -> np.ndarray:
        """How often each of `size` token numbers stands in some model inputs."""
        found = np.zeros(size, np.int64)
        for batch in batches_of(inputs):
            for number in self.inputs:
                found += np.bincount(_part(batch, number).ravel().astype(np.int64), minlength=size)[:size]
        return found


def with_smaller_vocabulary(baseline: Baseline, settings: PruneSettings, seed: int) -> Baseline:
    """The baseline with fewer tokens, which remembers the one it was; itself where none can go.

    Raises:
        InputError: --max-vocabulary with a model or data whose tokens cannot go.
    """
    most = settings.max_vocabulary
    tokenizer, reason = _tokenizer(baseline.data)
    tables = token_tables(baseline.network.reading, tokenizer.inputs) if tokenizer else TokenTables()
    if most == 0 or (most is None and (tokenizer is None or not tables.paths)):
        return baseline
    reason = reason or tables.reason
    if tokenizer is None or (most is not None and reason):
        raise InputError(
            f"--max-vocabulary was given, and {reason}.",
            "Texts with a vocabulary, and an Embedding that alone reads their tokens.",
            "Leave --max-vocabulary out.",
        )
    arrays = {path: _table(baseline.network, path) for path in tables.paths}
    rows = len(next(iter(arrays.values())))
    counts = tokenizer.counts(baseline.data.model_input(baseline.data.train.x), rows)
    if most is None:
        kept, why = _used(tokenizer, counts, baseline)
        reason = reason or why
        if reason and len(kept) < rows:
            left = rows - len(kept)
            said = f"The training texts do not use {left:,} of {rows:,} tokens. They stay: {reason}."
            return _saying(baseline, ReadingDecision("source", said))
    else:
        ranked_by = list(arrays.values()) if tokenizer.by_word else []
        kept = dearest_tokens(counts, ranked_by, min(most, len(tokenizer.lines)))
    if len(kept) == rows:
        return baseline
    if tokenizer.by_word:
        arrays = {path: with_mean_unknown(array, counts, kept) for path, array in arrays.items()}
    return _with_tokens(baseline, settings, tokenizer, arrays, kept, counts, seed)


def _saying(baseline: Baseline, decision: ReadingDecision) -> Baseline:
    return dataclasses.replace(baseline, data=baseline.data.deciding(decision))


def _tokenizer(data: Dataset) -> tuple[_Tokenizer | None, str]:
    """The one tokenizer of the data, or why there is none whose tokens could go."""
    number_of_inputs = len(parts_of(data.train.x))
    fed: dict[int, list[Mapping[str, object]]] = {number: [] for number in range(number_of_inputs)}
    for step in data.preprocessing:
        for number in [int(step["input"])] if "input" in step else range(number_of_inputs):
            fed[number].append(step)
    last = {number: steps[-1] for number, steps in fed.items() if steps}
    tokenizing = [number for number, step in last.items() if step["op"] == "tokenize"]
    files = {str(last[number].get("vocabulary", "vocab.txt")) for number in tokenizing}
    if len(files) != 1:
        several = "the data has several vocabularies"
        return None, several if files else "the data holds no texts to cut into tokens"
    (file,) = files
    if file not in data.files:
        return None, f"the data lacks its vocabulary {file}"
    kinds = {last[number]["kind"] for number in tokenizing}
    lines = data.files[file].rstrip("\n").split("\n")
    return _Tokenizer(file, lines, tuple(tokenizing), "subword" not in kinds), ""


def _table(network: KerasNetwork, path: str) -> np.ndarray:
    return network.weights(path)[0]


def _used(tokenizer: _Tokenizer, counts: np.ndarray, baseline: Baseline) -> tuple[np.ndarray, str]:
    """The tokens that the training texts use, and why the others stay nevertheless; empty where they go."""
    kept = used_tokens(counts)
    seen = tokenizer.counts(baseline.validation, len(counts))
    new = seen.copy()
    new[kept] = 0
    share = new.sum() / max(seen[UNKNOWN:].sum(), 1)
    if share <= _MOST_NEW:
        return kept, ""
    return kept, (
        f"{share:.1%} of the validation texts' tokens are among them, so other texts need them too. "
        "--max-vocabulary N keeps N tokens"
    )


def _with_tokens(
    baseline: Baseline, settings: PruneSettings, tokenizer: _Tokenizer, arrays: Mapping[str, np.ndarray],
    kept: np.ndarray, counts: np.ndarray, seed: int,
) -> Baseline:
    """The baseline with the rows `kept` of its tables alone.

    Raises:
        InputError: the model computes something else with them.
    """
    network = network_of(with_rows(baseline.network.reading, arrays, kept))
    _check(baseline, network, tokenizer, kept)
    vocabulary = "".join(f"{tokenizer.lines[number]}\n" for number in kept)
    data = dataclasses.replace(
        baseline.data, files={**baseline.data.files, tokenizer.file: vocabulary}, vocabulary=len(kept)
    )
    validation = in_memory(data.model_input(data.validation.x))
    score = baseline.primary_metric(data.validation, baseline.predictions, baseline.validation)
    outputs = predict_in_batches(network.model, validation)
    smaller = baseline.primary_metric(data.validation, outputs, validation)
    gone = int(counts.sum() - counts[kept].sum())
    instead = "as [UNK]" if tokenizer.by_word else "as shorter pieces or [UNK]"
    data = data.deciding(ReadingDecision(
        "source",
        f"Vocabulary: {len(kept):,} of {len(counts):,} tokens stay; {tokenizer.file} and the embedding's "
        "rows shrink together.",
        f"The others are read {instead}: {gone / max(counts[UNKNOWN:].sum(), 1):.1%} of the training texts' "
        f"tokens. Validation score before fine-tuning: {score:.1%} -> {smaller:.1%}.",
    ))
    calibration = in_memory(data.model_input(choose(data.train, settings.calibration, seed).x))
    return dataclasses.replace(
        baseline, model=network.model, network=network, dependencies=find_dependencies(network.graph),
        data=data, calibration=calibration, validation=validation, test=data.model_input(data.test.x),
        uncut=baseline, vocabulary=VocabularyReport(len(counts), len(kept)),
    )


def _check(baseline: Baseline, network: KerasNetwork, tokenizer: _Tokenizer, kept: np.ndarray) -> None:
    """Compares both models on tokens that stay, each under its own numbers.

    Raises:
        InputError: they differ, as where a layer computes with the numbers.
    """
    numbers = np.zeros(max(int(kept[-1]), UNKNOWN) + 1, np.int64)
    numbers[kept] = np.arange(len(kept))
    staying = kept[kept != UNKNOWN]
    first = tuple(part[:_COMPARED] for part in parts_of(in_memory(baseline.calibration)))
    old = [np.asarray(part) for part in first]
    new = list(old)
    for number in tokenizer.inputs:
        # Texts in which a token that stays stands for each one that goes.
        given = old[number]
        old[number] = np.where(np.isin(given, staying), given, staying[-1]).astype(given.dtype)
        new[number] = numbers[old[number].astype(np.int64)].astype(given.dtype)
    compared = repeatable(baseline.network.reading, old)
    before, after = predict(baseline.network.reading, old), predict(network.reading, new)
    if not compare([before[n] for n in compared], [after[n] for n in compared]).holds:
        raise InputError(
            "The model gives other outputs once its tokens are numbered anew.",
            "A model that looks token numbers up in its embedding, and uses them for nothing else.",
            "Keep the whole vocabulary with --max-vocabulary 0.",
        )


def _part(inputs: HeldSamples, number: int) -> np.ndarray:
    return np.asarray(parts_of(inputs)[number])
