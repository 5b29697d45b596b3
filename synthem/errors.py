"""The one exception that means "the user can mend this": a single line that names the place and the remedy."""


class SynthemError(ValueError):
    """A user's error. Its text is one line: where, what, and what to do. Commands print it and exit with 2."""
