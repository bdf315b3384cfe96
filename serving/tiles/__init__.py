"""Map tiles: of finished maps, and of scenes that are classified while somebody looks at them. Knows no HTTP."""
