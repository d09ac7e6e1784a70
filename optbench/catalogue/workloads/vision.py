"""Image classifiers: fully connected, a small convolutional network, torchvision's ResNet-18 and ViT."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from optbench.catalogue.workloads.workload import Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Generator

    from optbench.catalogue.datasets.load import Data
    from optbench.catalogue.workloads.workload import Batch


def mlp(data: Data, hidden: Sequence[int] = (200,), white: float = 255.0) -> Workload:
    """Return a fully connected ReLU network with cross-entropy; batch 64, 5 epochs.

    With the defaults on MNIST it is the textbook's 784-200-10 network on pixels scaled to [-1, 1].

    Args:
        data: x images of any shape (examples, ...), y labels.
        hidden: widths of the hidden layers; none makes it softmax regression.
        white: the brightest pixel value (> 0); x becomes (x / white - 0.5) / 0.5.

    Raises:
        ValueError: an argument is out of its range.
    """
    if not all(isinstance(width, int) and width >= 1 for width in hidden):
        raise ValueError(f"hidden must be a list of whole numbers >= 1; got {hidden!r}")
    _require_positive("white", white)
    widths = (data.train[0][0].numel(), *hidden, data.n_classes)

    def network() -> nn.Module:
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def prepare(split: tuple[Tensor, ...]) -> Batch:
        return (_scale(split[0], white).flatten(1), split[1]) if split else ()

    return Workload(
        model=network,
        loss=cross_entropy,
        train=prepare(data.train),
        validation=prepare(data.validation) or None,
        test=prepare(data.test) or None,
        batch_size=64,
        epochs=5,
        eval_every=30,
        metrics={"accuracy": accuracy},
    )


def cnn(data: Data, channels: Sequence[int] = (8, 16), white: float = 255.0) -> Workload:
    """Return a small convolutional network with cross-entropy; batch 32, 5 epochs.

    Each block is a 5x5 convolution of stride 2 and ReLU; one linear layer reads the last. Striding instead of
    pooling makes a step about four times cheaper on a CPU core.

    Args:
        data: x grey images (examples, height, width), y labels.
        channels: channels of each block, at least one.
        white: the brightest pixel value (> 0); x becomes (x / white - 0.5) / 0.5.

    Raises:
        ValueError: an argument is out of its range, or the images are not grey.
    """
    if not channels or not all(isinstance(width, int) and width >= 1 for width in channels):
        raise ValueError(f"channels must be a list of whole numbers >= 1; got {channels!r}")
    _require_positive("white", white)
    if data.train[0].ndim != 3:  # noqa: PLR2004 - example, row, column
        raise ValueError("dataset must hold grey images (examples, height, width)")
    height, width = (-(-side // 2 ** len(channels)) for side in data.train[0].shape[1:])

    def network() -> nn.Module:
        layers: list[nn.Module] = []
        for fan_in, fan_out in zip((1, *channels), channels, strict=False):
            layers += [nn.Conv2d(fan_in, fan_out, 5, stride=2, padding=2), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * height * width, data.n_classes))

    def prepare(split: tuple[Tensor, ...]) -> Batch:
        return (_scale(split[0], white).unsqueeze(1), split[1]) if split else ()

    return Workload(
        model=network,
        loss=cross_entropy,
        train=prepare(data.train),
        validation=prepare(data.validation) or None,
        test=prepare(data.test) or None,
        batch_size=32,
        epochs=5,
        eval_every=30,
        metrics={"accuracy": accuracy},
    )


class Normalise(nn.Module):
    """Turns bytes into floats of mean 0 and deviation 1 a channel, as the network's first layer.

    Args:
        mean: of each channel, in bytes, shape (channels,).
        deviation: of each channel, in bytes, shape (channels,).
    """

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.view(-1, 1, 1))
        self.register_buffer("deviation", deviation.view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Return (images - mean) / deviation in float32, shape (examples, channels, height, width)."""
        return (images.float() - self.mean) / self.deviation  # type: ignore[operator]


def resnet18(data: Data, padding: int = 4) -> Workload:
    """Return torchvision's ResNet-18 for small colour images; batch 128, 30 epochs. Made for a GPU.

    The stem is the usual one for 32x32 images (3x3 convolution of stride 1, no pooling; He et al.,
    arXiv:1512.03385, section 4.2). Images stay bytes until the first layer, which keeps the data four times
    smaller. Training batches are flipped and cropped on the device from the augmentation stream.

    Args:
        data: x colour images (examples, 3, height, width) as bytes, y labels.
        padding: black border in pixels that a crop may reach into (>= 0; 0 turns cropping off).

    Raises:
        ValueError: `padding` is negative, or the images are not colour images of bytes.
    """
    channels, _, _ = _require_colour(data)

    def network() -> nn.Module:
        from torchvision.models import resnet18 as build  # noqa: PLC0415 - the import costs seconds

        net: nn.Module = build(num_classes=data.n_classes)
        net.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        net.maxpool = nn.Identity()
        return net

    return _augmented(data, network, padding)


def vit(
    data: Data, patch: int = 4, width: int = 192, depth: int = 6, heads: int = 3, padding: int = 4
) -> Workload:
    """Return torchvision's vision transformer, made small; batch 128, 30 epochs. Made for a GPU.

    Dosovitskiy et al. 2020 (arXiv:2010.11929) on patches of 4x4 pixels, so that a 32x32 image is 64 of them,
    with a network of twice the width in each block: 1.8 million parameters on ten classes. Its output layer
    starts at zero, hence every run at the loss ln(classes). Images and augmentation are as in `resnet18`.

    Args:
        data: x colour images (examples, 3, side, side) as bytes, y labels.
        patch: side of a patch in pixels (>= 1), a divisor of the image's side.
        width: of the residual stream (>= 1), a multiple of `heads`.
        depth: blocks (>= 1).
        heads: of every attention (>= 1).
        padding: black border in pixels that a crop may reach into (>= 0; 0 turns cropping off).

    Raises:
        ValueError: an argument is out of its range, or the images are not square colour images of bytes.
    """
    for key, value in {"patch": patch, "width": width, "depth": depth, "heads": heads}.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{key} must be a whole number >= 1; got {value!r}")
    if width % heads:
        raise ValueError(f"width must be a multiple of heads = {heads}; got {width!r}")
    _, height, side = _require_colour(data)
    if height != side or side % patch:
        raise ValueError(f"patch must divide the side of square images; got {patch!r} for {height}x{side}")

    def network() -> nn.Module:
        from torchvision.models import VisionTransformer  # noqa: PLC0415 - the import costs seconds

        return VisionTransformer(  # type: ignore[no-any-return]
            image_size=side,
            patch_size=patch,
            num_layers=depth,
            num_heads=heads,
            hidden_dim=width,
            mlp_dim=2 * width,
            num_classes=data.n_classes,
        )

    return _augmented(data, network, padding)


def _require_colour(data: Data) -> tuple[int, int, int]:
    """Channels, height and width of the images."""
    images = data.train[0]
    if images.ndim != 4 or images.dtype != torch.uint8:  # noqa: PLR2004 - example, channel, row, column
        raise ValueError("dataset must hold colour images of bytes (examples, channels, height, width)")
    _, channels, height, width = images.shape
    return channels, height, width


def _augmented(data: Data, network: Callable[[], nn.Module], padding: int) -> Workload:
    """A classifier of bytes that are normalised by its first layer, flipped and cropped in training."""
    if not isinstance(padding, int) or padding < 0:
        raise ValueError(f"padding must be a whole number >= 0; got {padding!r}")
    mean, deviation = _channel_moments(data.train[0])
    return Workload(
        model=lambda: nn.Sequential(Normalise(mean, deviation), network()),
        loss=cross_entropy,
        train=data.train,
        validation=data.validation or None,
        test=data.test or None,
        batch_size=128,
        epochs=30,
        eval_every=352,
        metrics={"accuracy": accuracy},
        augment=lambda batch, generator: (flip_and_crop(batch[0], padding, generator), *batch[1:]),
    )


def flip_and_crop(images: Tensor, padding: int, generator: Generator) -> Tensor:
    """Return each image mirrored with probability 1/2 and moved by up to `padding` pixels over black.

    Args:
        images: shape (examples, channels, height, width), any type, any device.
        padding: the largest shift in pixels, each way and axis apart (>= 0).
        generator: the only source of randomness, on any device.
    """
    n, channels, height, width = images.shape
    drawn = torch.rand(3, n, generator=generator, device=generator.device).to(images.device)
    shift = (drawn[:2] * (2 * padding + 1)).long()
    rows = shift[0].view(n, 1) + torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device).expand(n, width)
    columns = shift[1].view(n, 1) + torch.where(drawn[2].view(n, 1) < 1 / 2, columns.flip(1), columns)
    return functional.pad(images, (padding,) * 4)[
        torch.arange(n, device=images.device).view(n, 1, 1, 1),
        torch.arange(channels, device=images.device).view(1, channels, 1, 1),
        rows.view(n, 1, height, 1),
        columns.view(n, 1, 1, width),
    ]


def cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    """Return the mean cross-entropy in nats of the logits `model(x)` against the labels."""
    x, y = batch
    return functional.cross_entropy(model(x), y)


def accuracy(model: nn.Module, batch: Batch) -> Tensor:
    """Return the share of examples whose largest logit is the label's."""
    x, y = batch
    return (model(x).argmax(dim=1) == y).float().mean()  # type: ignore[no-any-return]


def _scale(images: Tensor, white: float) -> Tensor:
    return ((images.float() / white - 0.5) / 0.5).contiguous()


def _channel_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    # From counts of the 256 byte values: a float copy of CIFAR-10 would take half a gigabyte.
    values = torch.arange(256, dtype=torch.float64)
    counts = torch.stack(
        [images[:, channel].flatten().long().bincount(minlength=256) for channel in range(images.shape[1])]
    ).double()
    mean = counts @ values / counts.sum(dim=1)
    variance = counts @ values**2 / counts.sum(dim=1) - mean**2
    return mean.float(), variance.sqrt().clamp(min=1.0).float()


def _require_positive(key: str, value: object) -> None:
    if not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"{key} must be a finite number > 0; got {value!r}")
