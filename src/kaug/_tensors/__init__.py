"""What `kaug.layers` does to tensors of any Keras backend."""
