"""Who may do what: API keys, tokens, scopes and limits in pixels. Knows nothing of HTTP."""
