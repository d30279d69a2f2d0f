#!/usr/bin/env bash
# torchvision 0.29.1: keypoints are counted from centers of pixels where an image is mirrored, and
# from its corner where it is rotated or resized. So a point stays on its pixel in one, and not in
# the other: turned by 180 degrees it lies a pixel beside it, both to the right and below.
#
# Seen: of an image of 4 × 6 with one bright pixel and a keypoint on it, both mirrors together give
# the same pixels as half a turn, and points that differ by (1, 1). In an image enlarged four times
# the bright block is from 8 to 11, in the middle 9.5, and the point at 8.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import torch
import torchvision
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional as F

print("torchvision", torchvision.__version__.split("+")[0])
image = torch.zeros(1, 4, 6)
image[0, 1, 2] = 1
point = tv_tensors.KeyPoints([[2.0, 1.0]], canvas_size=(4, 6))
moves = {
    "both mirrors": lambda given: F.vertical_flip(F.horizontal_flip(given)),
    "rotate by 180": lambda given: F.rotate(given, 180),
    "affine by 180": lambda given: F.affine(given, 180, [0, 0], 1, [0, 0]),
    "resize by 4": lambda given: F.resize(given, [16, 24], F.InterpolationMode.NEAREST),
}
for name, move in moves.items():
    _, rows, columns = move(image).nonzero().float().unbind(1)
    bright = [columns.mean().item(), rows.mean().item()]
    print(f"{name}: bright at {bright}, the point at {[round(x, 3) for x in move(point)[0].tolist()]}")
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py")
echo "$seen"
expected="torchvision 0.29.1
both mirrors: bright at [3.0, 2.0], the point at [3.0, 2.0]
rotate by 180: bright at [3.0, 2.0], the point at [4.0, 3.0]
affine by 180: bright at [3.0, 2.0], the point at [4.0, 3.0]
resize by 4: bright at [9.5, 5.5], the point at [8.0, 4.0]"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
