"""The prior of whole images: convolutional, weakly convex, the same for any shape."""
