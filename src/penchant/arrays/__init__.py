"""Arrays that every room uses: their types, features of rows as numbers, and who rated what."""
