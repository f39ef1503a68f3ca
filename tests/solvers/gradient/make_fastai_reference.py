"""Writes tests/files/fastai_net.json: what fastai's own neural model and training do, on a made-up table.

Run by hand where fastai is installed, which penchant never needs:

    python tests/solvers/gradient/make_fastai_reference.py
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from fastai.collab import Callback, EmbeddingNN, Learner, MSELossFlat
from fastai.data.core import DataLoaders
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SIZES = [(9, 3), (12, 4)]
VARIANTS = {
    "plain": {"layers": [6, 5]},
    "the lecture's": {"layers": [20, 10], "y_range": (0, 5.5)},
    "dropout": {"layers": [6, 5], "y_range": (0.5, 5.25), "ps": [0.1, 0.2], "embed_p": 0.3},
    "one dropout for all": {"layers": [6], "ps": 0.25, "bn_final": True},
    "linear": {"layers": []},
    "no norm": {"layers": [6, 5], "use_bn": False},
    "linear last": {"layers": [6, 5], "lin_first": False, "bn_cont": False},
    "no activation": {"layers": [6, 5], "act_cls": None},
}


class BatchLosses(Callback):
    """Keeps the loss of every batch in training."""

    def before_fit(self) -> None:
        self.found: list[float] = []

    def after_loss(self) -> None:
        if self.training:
            self.found.append(self.learn.loss.item())


def state(model: nn.Module) -> dict[str, object]:
    return {name: [list(value.shape), value.flatten().tolist()] for name, value in model.state_dict().items()}


def variants(x: torch.Tensor) -> dict[str, object]:
    found = {}
    for name, config in VARIANTS.items():
        torch.manual_seed(1)
        model = EmbeddingNN(SIZES, **config)
        with torch.no_grad():
            for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm1d)):
                norm.running_mean.uniform_(-0.1, 0.1)
                norm.running_var.uniform_(0.5, 2)
            for table in model.embeds:
                table.weight.mul_(50)
        answers = model.eval()(x).detach().flatten().tolist()
        found[name] = {"config": config, "repr": repr(model), "state": state(model), "answers": answers}
    return found


def training() -> dict[str, object]:
    """One cycle of two epochs, batches in order."""
    torch.manual_seed(2)
    x = torch.stack([torch.randint(n, (320,)) for n, _ in SIZES], 1)
    y = (2.5 + torch.randn(9)[x[:, 0]] + torch.randn(12)[x[:, 1]]).clamp(1, 5)[:, None]
    model = EmbeddingNN(SIZES, layers=[6, 5], y_range=(0, 5.5))
    before = state(model)
    batches = DataLoader(TensorDataset(x, y), batch_size=16)
    losses = BatchLosses()
    learn = Learner(DataLoaders(batches, batches), model, loss_func=MSELossFlat(), cbs=losses)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(2, 5e-3, wd=0.1)
    return {
        "x": x.tolist(),
        "y": y.flatten().tolist(),
        "before": before,
        "after": state(model),
        "lr": [float(value) for value in learn.recorder.hps["lr"]],
        "mom": [float(value) for value in learn.recorder.hps["mom"]],
        "losses": losses.found,
    }


def main() -> None:
    torch.manual_seed(0)
    x = torch.stack([torch.randint(n, (8,)) for n, _ in SIZES], 1)
    content = {"x": x.tolist(), "sizes": SIZES, "variants": variants(x), "training": training()}
    path = Path(__file__).parents[2] / "files" / "fastai_net.json"
    path.write_text(json.dumps(content, indent=None) + "\n")


if __name__ == "__main__":
    main()
