"""Learning by gradients: schedules, and trainers that lower a loss one mini-batch at a time."""
