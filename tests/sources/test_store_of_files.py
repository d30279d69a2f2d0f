"""Stores made from files: resumed to the same bytes, and told from those of other files."""

import shutil

import numpy as np
import pytest
from PIL import Image

import kaug
from kaug.store import _chunks, _write
from kaug.transforms import Compose, HorizontalFlip, RandomResizedCrop

POLICY = Compose([RandomResizedCrop(height=9, width=14), HorizontalFlip()])
OPTIONS = {"append": False, "seed": 5, "verbose": 0}


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        folder = tmp_path / "photos" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (20 + number, 30, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path / "photos"


def bytes_of(store):
    return {path.name: path.read_bytes() for path in sorted(store.glob("*.npy"))}


def test_a_killed_store_of_files_is_resumed_to_the_same_bytes(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(_write, "CHUNK_BYTES", 4000)
    x, y = kaug.sources.folder(photos)
    whole = kaug.augment_dataset(x, y, 60, POLICY, out=tmp_path / "whole", **OPTIONS)
    update = _chunks.Progress.update

    def killed(self, done):
        update(self, done)
        if done >= 20:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(_chunks.Progress, "update", killed)
        kaug.augment_dataset(x, y, 60, POLICY, out=tmp_path / "killed", **OPTIONS)
    assert bytes_of(tmp_path / "killed") != bytes_of(tmp_path / "whole")
    again, labels = kaug.sources.folder(photos)
    kaug.augment_dataset(again, labels, 60, POLICY, out=tmp_path / "killed", **OPTIONS)
    assert bytes_of(tmp_path / "killed") == bytes_of(tmp_path / "whole")
    memory = kaug.augment_dataset(x, y, 60, POLICY, **OPTIONS)
    np.testing.assert_array_equal(whole[0], memory[0])


def test_a_store_knows_that_a_file_has_changed(photos, tmp_path):
    x, y = kaug.sources.folder(photos)
    kaug.augment_dataset(x, y, 20, POLICY, out=tmp_path / "made", **OPTIONS)
    shutil.copy(photos / "a" / "00.png", photos / "a" / "02.png")
    x, y = kaug.sources.folder(photos)
    with pytest.raises(ValueError, match="holds a dataset made in another way"):
        kaug.augment_dataset(x, y, 20, POLICY, out=tmp_path / "made", **OPTIONS)


def test_a_file_that_vanished_is_named_and_harms_no_other_row(photos):
    x, y = kaug.sources.folder(photos)
    expected = POLICY(x, seed=1)
    (photos / "b" / "05.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"05\.png \(not there\)"):
        POLICY(x, seed=1)
    dataset = kaug.AugmentedDataset(x, y, POLICY, batch_size=1, shuffle=False, seed=1)
    for row in (0, 4, 11):
        np.testing.assert_array_equal(dataset.row(row, epoch=0)[0], expected[row])


def test_a_notebook_shows_the_names_of_the_classes(photos):
    (photos / "a").rename(photos / "tabby")
    x, y = kaug.sources.folder(photos)
    shown = kaug.AugmentedDataset(x, y, POLICY, batch_size=12, seed=1)._repr_html_()
    assert "tabby" in shown
