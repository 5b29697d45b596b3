"""What can be drawn: one file, one class for each."""
