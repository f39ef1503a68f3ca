"""Tables of ratings: ids of any type, attributes and features, and what is read from files. No model is known here."""
