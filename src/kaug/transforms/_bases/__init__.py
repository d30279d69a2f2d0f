"""What the transforms are made of."""
