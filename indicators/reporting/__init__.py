"""What a country hands in: the tables of SO 1-1 to SO 1-4, all from the joint tables, and the rules they must obey."""
