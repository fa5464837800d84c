"""Where runs, artifacts and secrets are kept. They know ports and model, and not each other."""
