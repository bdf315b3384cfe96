"""The page of a report: one HTML file that holds its pictures and loads nothing, in the six languages of the UN."""
