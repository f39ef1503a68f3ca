"""The commands of `penchant`, a file for each capability."""
