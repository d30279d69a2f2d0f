"""The contracts of `kaug.testing`.

A contract is a function that takes a transform and returns nothing, or raises `BrokenError` with
the input on which the contract does not hold. What it demands is the first line of its docstring.
"""
