"""Reports of land degradation: from two land-cover maps to the tables that countries hand in."""
