"""What a build says of the latencies it measured."""

from edgeprune.pipeline.measure import slower


def test_a_file_that_takes_longer_than_the_original_is_told():
    (note,) = slower({"baseline": 0.0029, "pruned": 0.0031, "deployed": 0.0067}, "int8")
    assert "smaller, not faster: it takes 6.7 µs, the original in float32 2.9 µs" in note
    assert "--quantize dynamic and float16" in note
    (note,) = slower({"baseline": 1.0, "deployed": 1.2}, "none")
    assert note == "The deployed model is not faster: it takes 1.200 ms, the original in float32 1.000 ms."


def test_what_noise_may_do_is_no_note():
    assert slower({"baseline": 1.0, "deployed": 1.09}, "int8") == []
    assert slower({"baseline": 1.0, "deployed": 0.2}, "int8") == []
    assert slower({"deployed": 0.2}, "int8") == []
