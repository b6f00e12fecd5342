import numpy as np

from edgeprune.preprocessing import text as tokens
from tests.tools import need_package

num2words = need_package("num2words", "pip install -e '.[translation]'", module_level=True)


def joined(numbers, vocabulary):
    """The text of token numbers, until the full stop."""
    words = " ".join(vocabulary[number] for number in numbers if number >= 0)
    return words.partition(" .")[0].replace(" ##", "")


def test_both_languages_say_the_same_number_and_no_number_is_in_two_splits():
    from edgeprune.data.number_words import number_words

    data, again = (number_words(train=300, validation=40, test=60) for _ in range(2))
    seen = []
    for split, same, count in (
        (data.train, again.train, 300), (data.validation, again.validation, 40), (data.test, again.test, 60)
    ):
        english, written = split.x
        assert len(english) == len(set(english)) == count
        np.testing.assert_array_equal(english, same.x[0])
        seen += english.tolist()
        source, given = data.model_input(split.x)
        # Whatever is cut into tokens is German again, and the decoder sees it one position later.
        german = [joined(row, data.labels) for row in split.y]
        assert [f". {text}" for text in german] == written.tolist()
        stop = data.labels.index(".")
        before = np.where(split.y > stop, split.y, 0)[:, :-1]
        np.testing.assert_array_equal(given, np.pad(before, ((0, 0), (1, 0)), constant_values=stop))
        assert not (source == data.labels.index(tokens.UNKNOWN)).any()
        assert ((split.y == stop).sum(axis=1) == 1).all()
    assert len(seen) == len(set(seen))
    numbers = {num2words.num2words(one): num2words.num2words(one, lang="de") for one in range(1000)}
    small = [text for text in data.train.x[0] if text in numbers]
    assert len(small) == 75
    pairs = dict(zip(data.train.x[0], data.train.x[1], strict=True))
    assert all(pairs[text] == f". {numbers[text]}" for text in small)


def test_the_longest_numbers_fit():
    from edgeprune.data.number_words import LENGTH, number_words

    data = number_words(train=2000, validation=1, test=1)
    longest = [num2words.num2words(777_777)], [". " + num2words.num2words(777_777, lang="de") + " ."]
    rows = tokens.tokenize(
        np.array([longest[0][0], longest[1][0]], object), kind="subword", length=40,
        files=tokens.Files(data.files),
    )
    assert (rows > 0).sum(axis=1).tolist() == [LENGTH, LENGTH + 1]  # a start, which no label has
