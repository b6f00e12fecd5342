"""A fault in a class is for its author to mend: the user, or a package."""

import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.class_owner import who_mends
from edgeprune.keras_bridge.read import read


def test_a_class_of_a_package_is_not_the_users_to_mend() -> None:
    assert "from the package pytest" in who_mends(pytest.MonkeyPatch, "Add get_config().")


def test_a_configuration_that_fails_is_told_with_its_reason() -> None:
    keras = pytest.importorskip("keras")

    class Scaled(keras.layers.Layer):
        def call(self, x):
            return x * 2

        def get_config(self):
            return {**super().get_config(), "factor": self.rope_scaling_factor}

    scaled = Scaled(name="scaled")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), scaled, keras.layers.Dense(2)])
    with pytest.raises(InputError, match=r"get_config\(\) of layer 'scaled' .*rope_scaling_factor") as error:
        read(model)
    assert error.value.way_out == "Correct get_config() in the class."
