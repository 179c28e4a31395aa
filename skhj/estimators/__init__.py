"""The estimators, and what they share: arrays, fitted state, progress."""
