# ruff: noqa: B018, E402, TID253
"""A notebook as editors read it: cells between the marks, each with a result to look at at its end."""

# %% A model, trained as always
import keras
import numpy as np

keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
y = random.integers(0, 3, 600)
x = (random.normal(size=(3, 8, 8, 1))[y] + random.normal(size=(600, 8, 8, 1)) / 2).astype("float32")
model = keras.Sequential([
    keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(32, "relu", name="hidden"),
    keras.layers.Dense(3, "softmax", name="scores"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=8, verbose=0)

# %% What can be removed?
import edgeprune

found = edgeprune.inspect(model)
found

# %% Half of it, in memory, without training
result = edgeprune.prune(model, 0.5, calibration=x)
result

# %% The whole way: prune, fine-tune, quantize, measure
bundle = edgeprune.build(model, (x, y), prune=0.5, epochs=2, out="build/mine")
bundle

# %% What was gained
report = edgeprune.read_report(bundle)
report

# %% On a device
record = edgeprune.bench(bundle, "local", min_time=0.05)
record

# %% May it ship?
checked = edgeprune.check(bundle, max_size="1MB", max_drop=50)
checked
