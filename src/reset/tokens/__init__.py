"""Tokens: encoding, chat templates, context windows."""
