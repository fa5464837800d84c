"""Contract suites: what every plugin of a seam passes, ours and third parties' alike."""
