"""Statistics, checks, selection, exact nested mixes, splits and label corruption."""
