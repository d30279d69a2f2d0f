"""Draws: keys, counter-based numbers, and distributions made of them."""
