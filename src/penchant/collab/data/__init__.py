"""Data loaders of `penchant.collab`: tables of ratings as batches of row numbers."""
