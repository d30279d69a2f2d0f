"""The version, for those that must not import the whole package."""

__version__ = "0.2.0"
