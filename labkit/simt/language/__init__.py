"""The language: what a kernel can call."""
