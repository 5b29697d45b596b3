"""The dataset card, and the push to the Hub."""
