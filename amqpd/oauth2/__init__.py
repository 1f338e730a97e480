"""Logins with OAuth 2 tokens: JSON web tokens whose scopes say what their bearer may do."""
