"""What was drawn, carried out on arrays: plans, warps, dtypes, values, boxes."""
