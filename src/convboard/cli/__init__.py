"""The command line: one file per command, their common frame, and the arguments of scripts."""
