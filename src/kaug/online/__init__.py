"""Online augmentation: a dataset that makes every batch anew in every epoch."""

from kaug.online._dataset import AugmentedDataset

__all__ = ["AugmentedDataset"]
