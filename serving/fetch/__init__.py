"""Reading what callers refer to: only https, only allowed hosts, only public addresses, within a budget."""
