"""What travels with the images: labels, weights, masks, boxes, keypoints."""
