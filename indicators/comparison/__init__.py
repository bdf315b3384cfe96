"""Two reports of the same land: where they agree, and which rule makes how much of their difference."""
