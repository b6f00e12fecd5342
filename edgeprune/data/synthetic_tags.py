"""Orders to a home, written by a small grammar, with a tag for each word; always called synthetic."""

from __future__ import annotations

import numpy as np

from edgeprune.data.dataset import Dataset
from edgeprune.data.text import text_dataset

_SLOTS = {
    "device": ("lamp", "ceiling light", "heater", "radio", "coffee machine", "blinds", "fan", "tv"),
    "room": ("kitchen", "living room", "bedroom", "office", "guest room", "hall", "bath"),
    "time": ("at seven", "in ten minutes", "tomorrow morning", "at half past nine", "tonight"),
    "level": ("fifty percent", "full", "low", "three", "warm white"),
    "song": ("blue in green", "so what", "take five", "round midnight", "naima"),
}
_SENTENCES = (
    "turn on the {device} in the {room}", "switch the {room} {device} off {time}",
    "set the {device} to {level} please", "play {song} in the {room}", "{time} turn off every {device}",
    "could you play {song} {time}",
    "is the {device} in the {room} still on", "make the {room} {level} {time}",
    "what is in the {room}",
    "put the {device} on {level} {time} and play {song}",
)
LABELS = ("O", *(f"{place}-{slot}" for slot in _SLOTS for place in "BI"))


def _sentence(rng: np.random.Generator) -> tuple[str, list[int]]:
    """One order and the number of each word's tag."""
    spoken: list[str] = []
    tags: list[int] = []
    for word in str(rng.choice(_SENTENCES)).split():
        slot = word[1:-1] if word.startswith("{") else ""
        value = str(rng.choice(_SLOTS[slot])).split() if slot else [word]
        spoken += value
        first = 1 + 2 * list(_SLOTS).index(slot) if slot else 0
        tags += [first + (1 if slot and place else 0) for place in range(len(value))]
    return " ".join(spoken), tags


def synthetic_orders(*, train: int = 1500, held_out: int = 300, length: int = 16, seed: int = 31) -> Dataset:
    """Orders with slots; a sentence of validation and test may also occur in training."""
    rng = np.random.default_rng(seed)
    splits = {}
    for name, count in (("train", train), ("validation", held_out), ("test", held_out)):
        sentences = [_sentence(rng) for _ in range(count)]
        y = np.full((count, length), -1)
        for row, (_, tags) in zip(y, sentences, strict=True):
            row[: len(tags)] = tags[:length]
        splits[name] = ([text for text, _ in sentences], y)
    return text_dataset(
        splits, LABELS, kind="given", length=length, size=200, name="synthetic-orders", synthetic=True,
        source="written by edgeprune's grammar", licence="none needed",
    )
