"""Ranked lists of items: for one person or a group, for everybody, and in which order."""
