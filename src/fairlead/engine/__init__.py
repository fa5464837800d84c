"""What decides and drives: from a run and its facts to commands, and carrying them out."""
