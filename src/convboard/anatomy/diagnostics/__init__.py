"""Diagnostics: why a network fails on its images, and what to do.

A remedy is computed or tried before it is suggested.
"""
