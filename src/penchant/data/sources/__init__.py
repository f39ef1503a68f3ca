"""Where tables come from that others publish, and the sample that is made here."""
