"""What runs in a process of its own, where the compilers are, with or without labkit.

A process of its own, because Triton's interpreter and its compiler exclude one another in one
process, and a compiler that crashes must not take the notebook with it.
"""
