"""Datasets on disk, larger than memory: written chunk by chunk, resumable, memory-mapped back.

A *store* is a folder with one `.npy` file for each array of the result, or a Zarr group, and a
*manifest*: everything the rows depend on, and a checksum of every chunk. Each chunk is a pure
function of its range of rows, so a job that was killed goes on where the manifest says it was.
"""

from kaug.store._dataset import StoredDataset, open_dataset
from kaug.store._write import write_dataset

__all__ = ["StoredDataset", "open_dataset", "write_dataset"]
