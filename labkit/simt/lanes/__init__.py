"""Lanes: which are active, what they hold, and the memory that they reach."""
