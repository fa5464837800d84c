"""Where task runs happen, one module each. They know ports and model, and not each other."""
