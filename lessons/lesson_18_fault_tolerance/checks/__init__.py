"""Checks of lesson 18."""
