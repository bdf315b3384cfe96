"""The verdict in pictures: worst examples, figures and the page that ``steppe evaluate`` writes."""
