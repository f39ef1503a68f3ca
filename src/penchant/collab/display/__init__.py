"""What notebooks show of a training: the live table and the plots of the recorder."""
