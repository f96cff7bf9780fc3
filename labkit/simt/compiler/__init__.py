"""The compiler: from the source of a kernel to closures that run on a frame."""
