"""Measurements of speed and accuracy, beside what they are compared to: see README.md in this folder."""
