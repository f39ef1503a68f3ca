"""Reasons: explanations of orders by choice, and of both together; how parts are told below each other."""
