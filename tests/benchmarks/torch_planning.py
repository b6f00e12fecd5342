"""Seconds that Torch-Pruning needs to plan and prune; runs under a Python that has PyTorch.

    python tests/benchmarks/torch_planning.py MobileNetV2|ResNet50|ResNet152

Half of the channels by magnitude. Prints the CPU seconds of building its graph and groups, and of
all up to the smaller model, as JSON. The networks are written out here, layer for layer like those
of keras.applications, so that torchvision is not needed.
"""

# ruff: noqa: TID253 - runs apart from edgeprune, where PyTorch is

from __future__ import annotations

import json
import sys
import time

import torch
import torch_pruning as tp
from torch import nn

REPEATS = 7
"""The best counts."""
RESNETS = {"ResNet50": (3, 4, 6, 3), "ResNet152": (3, 8, 36, 3)}
INVERTED = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2))
"""Expansion, channels, blocks and stride of MobileNetV2's stages, but for the last."""


def convolution(before: int, after: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution and batch normalization."""
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(after)
    )


class Bottleneck(nn.Module):
    """ResNet's, with a convolution on the short way where the shape changes."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.parts = nn.Sequential(
            convolution(before, width, 1, stride),
            nn.ReLU(),
            convolution(width, width, 3),
            nn.ReLU(),
            convolution(width, 4 * width, 1),
        )
        changes = stride > 1 or before != 4 * width
        self.short = convolution(before, 4 * width, 1, stride) if changes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.parts(x) + self.short(x))


class Inverted(nn.Module):
    """MobileNetV2's block."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        width = before * expansion
        parts = [convolution(before, width, 1), nn.ReLU6()] if expansion > 1 else []
        parts += [
            convolution(width, width, 3, stride, groups=width),
            nn.ReLU6(),
            convolution(width, after, 1),
        ]
        self.parts, self.adds = nn.Sequential(*parts), stride == 1 and before == after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.parts(x) if self.adds else self.parts(x)


def network(name: str) -> tuple[nn.Module, nn.Linear]:
    """A network for images of 224 pixels, and its last layer."""
    layers: list[nn.Module]
    if name in RESNETS:
        layers, before = [convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
        for stage, blocks in enumerate(RESNETS[name]):
            for block in range(blocks):
                layers.append(Bottleneck(before, 64 << stage, 2 if stage and not block else 1))
                before = 256 << stage
    else:
        layers, before = [convolution(3, 32, 3, 2), nn.ReLU6()], 32
        for expansion, after, blocks, stride in (*INVERTED, (6, 320, 1, 1)):
            for block in range(blocks):
                layers.append(Inverted(before, after, expansion, 1 if block else stride))
                before = after
        layers += [convolution(before, 1280, 1), nn.ReLU6()]
        before = 1280
    last = nn.Linear(before, 1000)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last), last


def planned(name: str) -> dict[str, float]:
    """One network, once."""
    model, last = network(name)
    model.eval()
    image = torch.zeros(1, 3, 224, 224)
    with torch.no_grad():
        model(image)
    start = time.process_time()
    pruner = tp.pruner.MetaPruner(
        model,
        image,
        importance=tp.importance.MagnitudeImportance(p=2),
        pruning_ratio=0.5,
        ignored_layers=[last],
    )
    traced = time.process_time() - start
    pruner.step()
    seconds = time.process_time() - start
    left = sum(parameter.numel() for parameter in model.parameters())
    return {"trace_s": traced, "plan_s": seconds, "params_left": left}


def main() -> None:
    found = [planned(sys.argv[1]) for _ in range(REPEATS)]
    print(json.dumps(min(found, key=lambda one: one["plan_s"])))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
