"""Runs for other programs: tables for a report or a notebook, and whole runs for experiment trackers."""
