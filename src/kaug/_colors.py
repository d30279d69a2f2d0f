"""What numbers mean as colors."""

# Red, green and blue in gray, in parts of 65,536: those of ITU-R BT.601 as Pillow rounds them.
RED, GREEN, BLUE = 19595, 38470, 7471
GRAY = tuple(part / 2**16 for part in (RED, GREEN, BLUE))

# Splines overshoot 0..1 by less; floats that reach beyond these were never meant as 0..1.
FAR_BELOW_BLACK, FAR_ABOVE_WHITE = -0.4, 1.5
