"""CUDA graphs: a training step recorded once and replayed; one launch in the place of a hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["recorded", "warm_up"]


@contextmanager
def warm_up() -> Iterator[None]:
    """Steps on a stream of their own, as they must be before a recording."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


def recorded(step: Callable[..., Tensor], example: tuple[Tensor, ...]) -> Callable[..., Tensor]:
    """Record what `step` does on the device, without doing it.

    Args:
        step: a function of tensors that decides nothing by their values.
        example: tensors of the shapes that it will be given.

    Returns:
        A function that does the same for other tensors of these shapes.

    Raises:
        RuntimeError: it can't be recorded.
    """
    inputs = tuple(tensor.clone() for tensor in example)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answer = step(*inputs)

    def replay(*tensors: Tensor) -> Tensor:
        for mine, given in zip(inputs, tensors, strict=True):
            mine.copy_(given)
        graph.replay()
        return answer.clone()

    return replay
