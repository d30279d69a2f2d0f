#!/usr/bin/env bash
# albumentations 2.0.8: `ImageCompression` hands red, green, blue to OpenCV's encoder, which takes
# blue, green, red. So JPEG weighs blue as it should weigh red, and stores what was neither seen by
# the eye nor meant by the quality: pictures get other errors than the same quality makes elsewhere.
#
# Seen: the result is bit for bit OpenCV's JPEG of swapped channels, and 57 levels away from that
# of the right order, which is Pillow's, of the same quality.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet albumentations==2.0.8 opencv-python-headless==4.13.0.92 \
  pillow==12.0.0 numpy==2.3.5
cat > "$work/run.py" <<'PYTHON'
import io
import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
import albumentations as A
import cv2
import numpy as np
from PIL import Image

QUALITY = 40
row, column = np.indices((48, 72))
planes = [row * 5, column * 3, (row // 8 + column // 8) % 2 * 255]
image = np.stack(planes, axis=-1).astype(np.uint8)


def opencv(pixels):
    _, code = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return cv2.imdecode(code, cv2.IMREAD_COLOR)


def pillow(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file))


def apart(one, other):
    return int(np.abs(one.astype(int) - other).max())


made = A.ImageCompression("jpeg", (QUALITY, QUALITY), p=1)(image=image)["image"]
right = opencv(image[..., ::-1])[..., ::-1]
print("Pillow, and OpenCV of the right order:", apart(pillow(image), right))
print("albumentations, and OpenCV of swapped channels:", apart(made, opencv(image)))
print("albumentations, and OpenCV of the right order:", apart(made, right))
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py" 2>/dev/null)
echo "$seen"
expected="Pillow, and OpenCV of the right order: 0
albumentations, and OpenCV of swapped channels: 0
albumentations, and OpenCV of the right order: 57"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
