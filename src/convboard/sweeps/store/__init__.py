"""A sweep on the disk: its trials, their journal, who is at work, and what they are trained with."""
