"""Named polygons for which an account is kept, and the share of each pixel that lies in them."""
