"""What is in the data, what is wrong with it, and what to train on: statistics, checks, splits, corruption, mixes.

One module for each command, with a function of its name: `curate.stats.stats`, `curate.check.check`,
`curate.split.split`, `curate.corrupt.corrupt`, and `curate.mix.mix` with its reader `curate.mix.Mix`.
"""
