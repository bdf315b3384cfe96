"""Condition of land: from three sub-indicators to the indicator SDG 15.3.1, its status and its balance."""
