"""Bugs to plant: each breaks one guard of the product's own code, by replacing text that must be there."""
