"""A sweep in the terminal, while it runs and at its end."""
