"""Files of weights: ours read here and by fastai, fastai's read here, and hostile ones refused."""

from __future__ import annotations

import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.collab.invented import by_hand, learner, loaders, neural, state_of
from tests.collab.make_fastai_weights import ratings

from penchant.collab.data.loaders import CollabDataLoaders
from penchant.collab.learner import Learner
from penchant.collab.start import collab_learner
from penchant.errors import FormatError, ParameterError, SourceError

FILES = Path(__file__).parent.parent / "files"
KINDS = {"dot": {"n_factors": 3}, "nn": {"use_nn": True, "layers": [6, 4]}}


def like_fastais(kind: str, path: Path) -> Learner:
    """A learner made as that of the stored file was."""
    dls = CollabDataLoaders.from_df(ratings(), bs=32, seed=7, path=path)
    return collab_learner(dls, y_range=(0, 5.5), wd=0.1, **KINDS[kind])  # type: ignore[arg-type]


def predictions(learn: Learner) -> np.typing.NDArray[np.float32]:
    """For every pair of rows, as the script that wrote the files made them."""
    x = torch.cartesian_prod(torch.arange(13), torch.arange(21))
    with torch.no_grad():
        return learn.model.eval()(x).reshape(-1).numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_fastai_predict_here_as_there(kind: str, tmp_path: Path) -> None:
    learn = like_fastais(kind, tmp_path)
    learn.load(FILES / f"fastai-{kind}.pth")
    np.testing.assert_allclose(predictions(learn), np.load(FILES / f"fastai-{kind}.npy"), rtol=1e-5, atol=1e-6)
    optimiser = learn.optimiser()
    assert optimiser.n_steps == 2 * (320 // 32)
    assert optimiser["wd"] == 0.1
    assert optimiser["mom"] > 0.94  # near the end of one cycle
    assert all(np.isfinite(part).all() and np.any(part) for pair in optimiser.moments.values() for part in pair)
    learn.fit(1)
    assert optimiser.n_steps == 3 * (320 // 32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_has_the_layout_of_fastais(kind: str, tmp_path: Path) -> None:
    learn = like_fastais(kind, tmp_path)
    learn.load(FILES / f"fastai-{kind}.pth").save("again")
    from penchant.collab.files.weights import _read

    theirs, ours = (_read(path) for path in (FILES / f"fastai-{kind}.pth", tmp_path / "models" / "again.pth"))
    assert ours.keys() == theirs.keys() == {"model", "opt"}
    assert list(ours["model"]) == list(theirs["model"])  # type: ignore[call-overload]
    states = zip(ours["opt"]["state"], theirs["opt"]["state"], strict=True)  # type: ignore[index]
    for mine, other in states:
        assert mine.keys() == other.keys()
        for name, value in other.items():
            if isinstance(value, torch.Tensor):
                torch.testing.assert_close(mine[name], value)
            else:
                assert mine[name] == value, name
    assert ours["opt"]["hypers"] == list(theirs["opt"]["hypers"])  # type: ignore[index]


def test_nothing_but_tensors_and_numbers_is_in_a_file(tmp_path: Path) -> None:
    learn = neural(loaders(tmp_path))
    learn.fit(1)
    content = torch.load(learn.save("plain"), weights_only=True)  # torch's own reader, without stand-ins
    assert content.keys() == {"model", "opt"}


@pytest.mark.parametrize("make", [learner, by_hand, neural])
def test_a_training_goes_on_as_if_it_had_not_been_saved(make: object, tmp_path: Path) -> None:
    first: Learner = make(loaders(tmp_path))  # type: ignore[operator]
    first.fit(1, 5e-3)
    first.save("half")
    second: Learner = make(loaders(tmp_path))  # type: ignore[operator]
    second.load("half")
    for learn in (first, second):
        torch.manual_seed(5)
        learn.fit(1, 5e-3)
    for name, value in state_of(first).items():
        torch.testing.assert_close(state_of(second)[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_weights_alone(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    learn.save("new")
    learn.fit(1)
    learn.save("weights", with_opt=False)
    n = learn.optimiser().n_steps
    for name in ("new", "weights"):
        with pytest.warns(UserWarning, match="no optimiser state"):
            learn.load(name)
        learn.load(name, with_opt=False)
    assert learn.optimiser().n_steps == n


def test_weights_of_another_model(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    path = learn.save("four")
    before = state_of(wider := learner(loaders(tmp_path), n_factors=5))
    with pytest.raises(FormatError, match=r"u_weight.weight is \(31, 4\), here \(31, 5\)"):
        wider.load(path)
    with pytest.raises(FormatError, match=r"embeds.0.weight is missing"):
        neural(loaders(tmp_path)).load(path)
    with pytest.raises(FormatError, match="not one name"):
        neural(loaders(tmp_path)).load(path, strict=False)
    assert all(torch.equal(value, before[name]) for name, value in state_of(wider).items())
    part = {"u_bias.weight": torch.ones(31, 1)}
    torch.save(part, tmp_path / "part.pth")
    learn.load(tmp_path / "part.pth", with_opt=False, strict=False)
    assert float(state_of(learn)["u_bias.weight"].sum()) == 31


def test_an_optimiser_that_does_not_fit_is_told_of(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    learn.fit(1)
    path = learn.save("good")
    good = torch.load(path, weights_only=True)
    names = list(good["opt"]["state"])
    assert len(names) == 4
    changes = {
        "one group": {"hypers": [*good["opt"]["hypers"]] * 2},
        "3 parameters, the model has 4": {"state": good["opt"]["state"][:3]},
        "not that of Adam": {"hypers": [{"lr": 0.1}]},
        "moments of i_weight.weight": {"state": [names[0], names[0] | {"grad_avg": torch.ones(3)}, *names[2:]]},
        "steps of u_weight.weight": {"state": [names[0] | {"step": -1}, *names[1:]]},
        "different numbers of steps": {"state": [names[0] | {"step": 1}, *names[1:]]},
    }
    for told, change in changes.items():
        torch.save({"model": good["model"], "opt": good["opt"] | change}, tmp_path / "bad.pth")
        n = learn.optimiser().n_steps
        with pytest.warns(UserWarning, match=told):
            learn.load(tmp_path / "bad.pth")
        assert learn.optimiser().n_steps == n


# -- files of others --


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("place", ["model", "opt", "all"])
def test_a_file_that_would_run_code_is_refused(place: str, tmp_path: Path) -> None:
    learn, harm = learner(loaders(tmp_path)), tmp_path / "harm"
    hostile = Hostile(harm)
    content = {"model": {"model": hostile, "opt": {}}, "opt": {"model": {}, "opt": hostile}, "all": hostile}[place]
    torch.save(content, tmp_path / "hostile.pth")
    with pytest.raises(FormatError, match="more than tensors and numbers"):
        learn.load(tmp_path / "hostile.pth")
    assert not harm.exists()


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_plain_pickle_is_not_even_opened(protocol: int, tmp_path: Path) -> None:
    harm = tmp_path / "harm"
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Hostile(harm), protocol=protocol))
    torch.save(Hostile(harm), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("plain", "old"):
        with pytest.raises(FormatError, match="no file of weights"):
            learner(loaders(tmp_path)).load(tmp_path / f"{name}.pth")
    assert not harm.exists()


def test_damaged_files(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    whole = learn.save("whole").read_bytes()
    rng = np.random.default_rng(0)
    for cut in (4, 100, len(whole) // 2, len(whole) - 5):
        (tmp_path / "cut.pth").write_bytes(whole[:cut])
        with pytest.raises(FormatError):
            learn.load(tmp_path / "cut.pth")
    for _ in range(50):
        damaged = bytearray(whole)
        for at in rng.integers(4, len(whole), 8).tolist():
            damaged[at] ^= int(rng.integers(1, 256))
        (tmp_path / "damaged.pth").write_bytes(damaged)
        with suppress(FormatError):
            learn.load(tmp_path / "damaged.pth", with_opt=False)
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
        archive.writestr("a.txt", "no weights")
    with pytest.raises(FormatError):
        learn.load(tmp_path / "zip.pth")
    for content in ([1, 2], {"a": 1}, {1: torch.ones(2)}, {"model": 3, "opt": {}}):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(FormatError, match="state dictionary"):
            learn.load(tmp_path / "other.pth")


@pytest.mark.parametrize("odd", [torch.ones(31, 1).to_sparse(), torch.ones(31, 1, dtype=torch.complex64)])
def test_nothing_is_changed_unless_all_fits(odd: torch.Tensor, tmp_path: Path) -> None:
    """The last parameter is of another kind; the ones before are taken in first."""
    learn = learner(loaders(tmp_path))
    before = {name: value.clone() for name, value in state_of(learn).items()}
    changed = {name: value + 1 for name, value in before.items()}
    name = next(name for name, value in before.items() if value.shape == odd.shape)
    changed = {**{other: value for other, value in changed.items() if other != name}, name: odd}
    torch.save(changed, tmp_path / "odd.pth")
    with pytest.raises(FormatError, match=f"{name} is a tensor of another kind|more than tensors"):
        learn.load(tmp_path / "odd.pth", with_opt=False)
    assert all(torch.equal(value, before[name]) for name, value in state_of(learn).items())


def test_a_compressed_file_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    whole, bomb = learn.save("whole"), tmp_path / "bomb.pth"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(part.filename, source.read(part))
    with pytest.raises(FormatError, match="compressed inside"):
        learn.load(bomb)
    assert learn.load(whole, with_opt=False) is learn


def test_numpy_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    learn.fit(1)
    good = torch.load(learn.save("good"), weights_only=True)
    for value in (np.datetime64("2020-01-01"), np.str_("a")):
        good["opt"]["hypers"][0]["lr"] = value
        torch.save(good, tmp_path / "odd.pth", pickle_protocol=2)
        with pytest.raises(FormatError, match=r"NumPy value|tensors and numbers"):
            learn.load(tmp_path / "odd.pth")
    for value in (np.float32(0.25), np.float64(0.25), np.int64(1)):
        good["opt"]["hypers"][0]["lr"] = value
        torch.save(good, tmp_path / "even.pth", pickle_protocol=2)
        assert learn.load(tmp_path / "even.pth").optimiser()["lr"] == float(value)


def test_missing_files_and_names_that_are_none(tmp_path: Path) -> None:
    learn = learner(loaders(tmp_path))
    with pytest.raises(SourceError, match="there is no file"):
        learn.load("nowhere")
    with pytest.raises(ParameterError, match="file is ''"):
        learn.load("")
    (tmp_path / "models" / "folder.pth").mkdir(parents=True)
    with pytest.raises(SourceError, match="can't read"):
        learn.load("folder")
    (tmp_path / "file").write_text("")
    learn.model_dir = tmp_path / "file"
    with pytest.raises(SourceError, match="can't write"):
        learn.save("a")
    assert list(tmp_path.glob("**/*.part")) == []
