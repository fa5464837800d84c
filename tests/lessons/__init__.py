"""One test per line of the list of what other tools get wrong, as far as it applies to what there is."""
