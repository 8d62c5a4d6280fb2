"""Receptive fields: exact boxes of pixels for every unit, and the theoretical field without borders."""
