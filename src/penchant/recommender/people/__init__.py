"""Who is asked for: a user of the training table, or somebody new; one person, or a group."""
