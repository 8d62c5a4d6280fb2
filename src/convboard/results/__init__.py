"""Finished runs read back: a table of runs, the best one, comparisons, statistics over seeds, plots, export.

Only small files are read, never event files, and nothing that is read is executed.
"""
