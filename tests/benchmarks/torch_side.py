"""Torch-Pruning on a network that came out of Keras; runs under a Python that has PyTorch.

    python tests/benchmarks/torch_side.py WEIGHTS.npz OUT_FOLDER

WEIGHTS.npz: ``network`` ("fashion" or "resnet8"), ``target_macs`` (several), ``x`` (N, H, W, C) and
``y`` for the criteria that need data, and the Keras weights ``w0, w1, …`` in the order of the
model's layers. Writes one npz for each target, criterion and scope with the pruned weights, back in
Keras' layout, the multiply-accumulates, and the seconds that planning and pruning took.
"""

# ruff: noqa: TID253 - runs apart from edgeprune, where PyTorch is

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_pruning as tp
from torch import nn
from torch.nn import functional

STEPS = 12
"""Of the bisection for the pruning ratio that meets the multiply-accumulates."""


class Fashion(nn.Module):
    """Convolutions 32-64-128, Dense 256, Dense 10."""

    shape = (1, 1, 28, 28)

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in ((1, 32), (32, 64), (64, 128))
        )
        self.hidden, self.last = nn.Linear(128 * 49, 256), nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for number, convolution in enumerate(self.convolutions):
            x = functional.relu(convolution(x))
            x = functional.max_pool2d(x, 2) if number < 2 else x
        return self.last(functional.relu(self.hidden(x.flatten(1))))

    def parts(self) -> list[nn.Module]:
        """Modules in the order of the Keras layers."""
        return [*self.convolutions, self.hidden, self.last]


class Same(nn.Module):
    """A convolution that pads as TensorFlow does."""

    def __init__(self, before: int, after: int, size: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, size, stride)
        total = size - stride if stride > 1 else size - 1
        total = max(total, 0)
        self.padding = (total // 2, total - total // 2) * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(functional.pad(x, self.padding))


class ResNet8(nn.Module):
    """MLPerf Tiny's; layers in the order of the Keras model's list."""

    shape = (1, 3, 32, 32)

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = Same(3, 16, 3, 1), nn.BatchNorm2d(16, eps=1e-3)
        blocks = []
        for before, after in ((16, 16), (16, 32), (32, 64)):
            stride = 1 if before == after else 2
            block = nn.ModuleDict(
                {
                    "one": Same(before, after, 3, stride),
                    "norm_one": nn.BatchNorm2d(after, eps=1e-3),
                    "two": Same(after, after, 3, 1),
                    "norm_two": nn.BatchNorm2d(after, eps=1e-3),
                }
            )
            if stride > 1:
                block["short"] = Same(before, after, 1, stride)
            blocks.append(block)
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            inner = functional.relu(block["norm_one"](block["one"](x)))
            inner = block["norm_two"](block["two"](inner))
            x = functional.relu(inner + (block["short"](x) if "short" in block else x))
        return self.last(x.mean(dim=(2, 3)))

    def parts(self) -> list[nn.Module]:
        """Modules in the order of the Keras layers."""
        found: list[nn.Module] = [self.stem.convolution, self.stem_norm]
        for block in self.blocks:
            found += [block["one"].convolution, block["norm_one"], block["two"].convolution]
            found += [block["short"].convolution] if "short" in block else []
            found += [block["norm_two"]]
        return [*found, self.last]


NETWORKS: dict[str, Any] = {"fashion": Fashion, "resnet8": ResNet8}


def load(network: str, weights: list[np.ndarray]) -> Any:
    """The network with Keras' weights."""
    model = NETWORKS[network]()
    left = iter(weights)
    with torch.no_grad():
        for part in model.parts():
            if isinstance(part, nn.BatchNorm2d):
                for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                    tensor.copy_(torch.from_numpy(next(left)))
                continue
            kernel, bias = next(left), next(left)
            part.bias.copy_(torch.from_numpy(bias))
            part.weight.copy_(torch.from_numpy(to_torch(kernel, part)))
    return model.eval()


def to_torch(kernel: np.ndarray, part: nn.Module, channels: int = 128) -> np.ndarray:
    """(…, in, out) to (out, in, …); rows after a Flatten from (H, W, C) to (C, H, W)."""
    if kernel.ndim == 4:
        return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    if isinstance(part, nn.Linear) and len(kernel) == 49 * channels:
        kernel = kernel.reshape(49, channels, -1).transpose(1, 0, 2).reshape(len(kernel), -1)
    return np.ascontiguousarray(kernel.T)


def to_keras(model: Any, *, flattened: bool) -> list[np.ndarray]:
    """The inverse of `load` for a model of any width."""
    arrays: list[np.ndarray] = []
    for part in model.parts():
        if isinstance(part, nn.BatchNorm2d):
            tensors = (part.weight, part.bias, part.running_mean, part.running_var)
            arrays += [tensor.detach().numpy() for tensor in tensors]
            continue
        weight = part.weight.detach().numpy()
        if weight.ndim == 4:
            kernel = weight.transpose(2, 3, 1, 0)
        elif flattened and part is model.parts()[-2]:
            kernel = weight.reshape(len(weight), -1, 49).transpose(2, 1, 0).reshape(-1, len(weight))
        else:
            kernel = weight.T
        arrays += [np.ascontiguousarray(kernel), part.bias.detach().numpy()]
    return arrays


def criteria() -> dict[str, Any]:
    """Torch-Pruning's own."""
    return {
        "magnitude L2": tp.importance.MagnitudeImportance(p=2),
        "magnitude L1": tp.importance.MagnitudeImportance(p=1),
        "Taylor": tp.importance.TaylorImportance(),
        "FPGM": tp.importance.FPGMImportance(),
    }


def prune(model: Any, importance: Any, ratio: float, *, everywhere: bool, data: Any) -> None:
    """Plans and prunes, in place."""
    images, labels = data
    if isinstance(importance, tp.importance.TaylorImportance):
        model.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
    pruner = tp.pruner.MetaPruner(
        model,
        torch.zeros(model.shape),
        importance=importance,
        pruning_ratio=ratio,
        global_pruning=everywhere,
        ignored_layers=[model.last],
    )
    pruner.step()


def at_macs(
    network: str, weights: list[np.ndarray], name: str, target: float, *, everywhere: bool, data: Any
) -> Any:
    """The widest pruned network within the target, its MACs, and the seconds of one pruning."""
    low, high, best = 0.0, 1.0, None
    for _ in range(STEPS):
        ratio = (low + high) / 2
        model = load(network, weights)
        start = time.perf_counter()
        prune(model, criteria()[name], ratio, everywhere=everywhere, data=data)
        seconds = time.perf_counter() - start
        macs, _ = tp.utils.count_ops_and_params(model, torch.zeros(model.shape))
        if macs <= target:
            high, best = ratio, (model, macs, seconds)
        else:
            low = ratio
    return best


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    with np.load(source) as found:
        arrays = dict(found)
    network = str(arrays["network"])
    weights = [arrays[f"w{number}"] for number in range(sum(name.startswith("w") for name in arrays))]
    data = (
        torch.from_numpy(arrays["x"].transpose(0, 3, 1, 2).copy()),
        torch.from_numpy(arrays["y"].astype(np.int64)),
    )
    original = load(network, weights)
    full, _ = tp.utils.count_ops_and_params(original, torch.zeros(original.shape))
    with torch.no_grad():
        outputs = functional.softmax(original(data[0][:64]), dim=1).numpy()
    np.savez(out / "original.npz", outputs=outputs, macs=full)
    for number, share in enumerate(arrays["left_macs"]):
        for name in criteria():
            for everywhere in (False, True):
                found_model = at_macs(network, weights, name, share * full, everywhere=everywhere, data=data)
                if found_model is None:
                    continue
                model, macs, seconds = found_model
                kept = to_keras(model, flattened=network == "fashion")
                scope = "global" if everywhere else "local"
                np.savez(
                    out / f"{number}-{name.replace(' ', '_')}-{scope}.npz",
                    left=macs / full,
                    seconds=seconds,
                    **{f"w{place}": array for place, array in enumerate(kept)},
                )


if __name__ == "__main__":
    main()
