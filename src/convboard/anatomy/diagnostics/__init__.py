"""What went wrong in a dry run, in words: a file for each kind of place, a function for each kind of mistake.

Each function looks at the operation that failed, a layer's or one that the network's own forward calls, and at those
before it; it says what arrived, what was wanted and what to do, or gives None where the mistake is not of its kind.
What a finding offers to do has been worked out or tried, never guessed.
"""
