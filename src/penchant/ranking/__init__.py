"""Top-N lists: the best items by score, diverse lists, and questions for new people (active learning)."""
