"""What all methods that learn by gradient share: the trainer, its callbacks, batches, devices, encoders."""
