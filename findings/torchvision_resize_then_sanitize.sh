#!/usr/bin/env bash
# torchvision 0.29.1: boxes that reach the right or lower border of their image can get lost. Resize
# multiplies by a factor in single precision and does not clamp, which can put the edge some 0.00006
# pixels beyond the border, and SanitizeBoundingBoxes removes what reaches beyond it.
#
# Seen: of 1,000 images of random sizes with a box each, from the middle to the lower right corner,
# 107 lose it by Resize(800) and SanitizeBoundingBoxes, and 714 where boxes are in double
# precision. With ClampBoundingBoxes in between none does.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.14.1 torchvision==0.29.1 numpy==2.4.6
cat > "$work/run.py" <<'PYTHON'
import torch
import torchvision
from torchvision import tv_tensors
from torchvision.transforms import v2

print("torchvision", torchvision.__version__.split("+")[0])
generator = torch.Generator().manual_seed(0)
sizes = torch.randint(300, 1000, (1000, 2), generator=generator).tolist()
sanitize = v2.SanitizeBoundingBoxes(labels_getter=None)
policies = {
    "Resize": v2.Compose([v2.Resize(800), sanitize]),
    "Resize, clamp": v2.Compose([v2.Resize(800), v2.ClampBoundingBoxes(), sanitize]),
}
for dtype in (torch.float32, torch.float64):
    for name, policy in policies.items():
        lost = 0
        for height, width in sizes:
            corners = torch.tensor([[width / 2, height / 2, width, height]], dtype=dtype)
            box = tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(height, width))
            lost += len(policy({"boxes": box})["boxes"]) == 0
        print(f"{name}, {dtype}: {lost} of {len(sizes)} boxes lost")
box = tv_tensors.BoundingBoxes([[0.0, 0, 315, 384]], format="XYXY", canvas_size=(384, 315))
print(f"{v2.Resize((640, 640))(box)[0, 2].item():.7f} in an image 640 wide")
PYTHON
seen=$("$work/venv/bin/python" "$work/run.py")
echo "$seen"
expected="torchvision 0.29.1
Resize, torch.float32: 107 of 1000 boxes lost
Resize, clamp, torch.float32: 0 of 1000 boxes lost
Resize, torch.float64: 714 of 1000 boxes lost
Resize, clamp, torch.float64: 0 of 1000 boxes lost
640.0000610 in an image 640 wide"
[ "$seen" = "$expected" ] || { echo "It behaves otherwise now." >&2; exit 1; }
