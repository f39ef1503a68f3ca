"""Write tests/files/fastai-reference.json: what fastai makes of an invented table. Run by hand, with fastai installed.

python tests/collab/make_fastai_reference.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd


def table() -> pd.DataFrame:
    """Numbers for users, some of them rare, text for films, and whole stars."""
    rng = np.random.default_rng(7)
    user = (rng.pareto(1.2, 120) * 30).astype(int) % 1000 + 5
    film = [f"Film {number} ({1950 + number})" for number in rng.integers(0, 40, 120)]
    return pd.DataFrame({"user": user, "title": film, "rating": rng.integers(1, 6, 120)})


def main() -> None:
    import torch
    from fastai.collab import CollabDataLoaders, EmbeddingDotBias
    from fastai.losses import MSELossFlat
    from fastai.tabular.model import emb_sz_rule, get_emb_sz

    frame = table()
    found: dict[str, object] = {}
    for seed in (0, 42):
        dls = CollabDataLoaders.from_df(frame, item_name="title", seed=seed, bs=16)
        found[f"split {seed}"] = [dls.train_ds.items.index.tolist(), dls.valid_ds.items.index.tolist()]
        found[f"classes {seed}"] = {name: [str(each) for each in values] for name, values in dls.classes.items()}
        found[f"codes {seed}"] = dls.valid_ds.items[["user", "title"]].astype(int).to_numpy().tolist()
        found[f"embeddings {seed}"] = [list(size) for size in get_emb_sz(dls)]
    torch.manual_seed(5)
    dls = CollabDataLoaders.from_df(frame, item_name="title", bs=16)
    found["split after torch.manual_seed(5)"] = [dls.train_ds.items.index.tolist(), dls.valid_ds.items.index.tolist()]
    found["batches"] = [len(dls.train), len(dls.valid), dls.train.bs, dls.valid.bs]
    found["rule"] = {str(n): emb_sz_rule(n) for n in (2, 10, 944, 1665, 10_000, 200_000)}
    rows = torch.tensor(np.random.default_rng(0).normal(size=(9, 4)).round(3))
    found["pca"] = [rows.tolist(), rows.pca(2).abs().tolist()]
    model = EmbeddingDotBias.from_classes(3, dls.classes, y_range=(0, 5.5))
    found["repr"] = [str(model), str(MSELossFlat()), repr(dls.classes["title"][[1, 2]])]
    found["state"] = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    path = Path(__file__).parents[1] / "files" / "fastai-reference.json"
    path.write_text(json.dumps(found), encoding="utf-8")
    print(path.stat().st_size, "bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
