"""Figures of many runs, drawn by matplotlib: one file for each kind, and what writes them as PNG, SVG or one page."""
