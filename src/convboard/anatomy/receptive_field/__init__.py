"""Receptive fields: the exact box of pixels that each unit depends on, and size, stride, start without borders."""
