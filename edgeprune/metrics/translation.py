"""BLEU of token sequences (Papineni et al. 2002), as sacrebleu computes it; without sacrebleu there is none.

Labels are (N, T) token numbers, -1 behind the end, the last one the token that ends every sequence; outputs
are (N, T, V) scores of a model that read its own tokens, see `edgeprune.tasks.greedy`. What is compared are
tokens of the model's vocabulary, not words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.metrics.evaluation import Evaluation, Metric


def _bleu(evaluation: Evaluation) -> dict[str, float]:
    try:
        from sacrebleu.metrics import BLEU
    except ImportError:  # on devices; their outputs come back
        return {}
    references = [row[row >= 0] for row in np.asarray(evaluation.y_true)]
    ends = [row[-1] for row in references if len(row)]
    if not ends:
        return {}
    written = [_until(row, ends[0]) for row in evaluation.predicted()]
    wanted = [_until(row, ends[0]) for row in references]
    # The names of tokens do not matter: numbers between blanks are tokens, too.
    found = BLEU(tokenize="none", force=True).corpus_score(_texts(written), [_texts(wanted)])
    return {"bleu": min(found.score / 100, 1.0)}  # rounding may lift it above


def _until(row: np.ndarray, end: int) -> np.ndarray:
    """The tokens before the one that ends a sequence."""
    (places,) = np.nonzero(row == end)
    return row[: places[0]] if len(places) else row


def _texts(rows: Sequence[np.ndarray]) -> list[str]:
    return [" ".join(map(str, row.tolist())) for row in rows]


METRICS = (Metric("bleu", "BLEU of the tokens that were written, 1 for the very same.", _bleu),)
